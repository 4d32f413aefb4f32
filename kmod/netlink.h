/* SPDX-License-Identifier: GPL-2.0 */
/* The family, for netlink.c and event.c. */
#ifndef AZATTEST_NETLINK_H
#define AZATTEST_NETLINK_H

#define AZATTEST_GROUP_EVENTS 0

extern struct genl_family azattest_family;

#endif
