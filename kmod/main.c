// SPDX-License-Identifier: GPL-2.0
/*
 * azattest: gives VMs an identity, and carries their requests for signed
 * documents to signer processes. Loads and unloads the parts.
 *
 * Lock order, outermost first; locks on one line are never held together:
 *
 *   azattest_file.bind_lock
 *     listener.mutex, grant_mutex
 *       azattest_conn.lock
 *         socket lock, callback lock
 *           registry_lock, azattest_binding.lock
 *             queue.lock, azattest_file.lock
 *
 * The socket's callbacks come with the socket lock held, against this order. They
 * queue work, but for data_ready: it only tries azattest_conn.lock, never waits
 * for it, and with it may ask, under queue.lock (exchange.c).
 */
#include <linux/module.h>

#include "azattest.h"

/*
 * What can fail comes first, what users can open last. The queue's timer calls
 * connections, so it stops before they go.
 */
static const struct {
	int (*init)(void);
	void (*exit)(void);
} parts[] = {
	{ azattest_bind_init, azattest_bind_exit },
	{ azattest_conn_init, azattest_conn_exit },
	{ azattest_queue_init, azattest_queue_exit },
	{ azattest_listener_init, azattest_listener_exit },
	{ azattest_netlink_init, azattest_netlink_exit },
	{ azattest_signer_init, azattest_signer_exit },
	{ azattest_device_init, azattest_device_exit },
};

static void exit_parts(int n)
{
	while (n--)
		parts[n].exit();
}

static int __init azattest_init(void)
{
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		ret = parts[i].init();
		if (ret) {
			exit_parts(i);
			return ret;
		}
	}
	return 0;
}

/* No file is open: an open descriptor pins the module, and with them all bindings are gone. */
static void __exit azattest_exit(void)
{
	exit_parts(ARRAY_SIZE(parts));
}

module_init(azattest_init);
module_exit(azattest_exit);
MODULE_LICENSE("GPL");
MODULE_VERSION(AZATTEST_VERSION);
MODULE_AUTHOR("The azattest developers");
MODULE_DESCRIPTION("Platform attestation for virtual machines over vsock and /dev/azattest");
MODULE_SOFTDEP("pre: vhost_vsock");
