// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-libvirt's parts: what a domain's XML and state mean.

#include <stdio.h>
#include <string.h>

#include <libvirt/virterror.h>

#include <selftests/lib/tap.h>
#include <userspace/libvirt/libvirt.h>

#define AZ	"<az:vm xmlns:az='" XML_NAMESPACE "' "

static const char *read_xml(const char *metadata, const char *devices, struct enrolment *e)
{
	char text[2000];

	snprintf(text, sizeof(text), "<domain type='kvm' id='3'><name>web1</name><metadata>%s</metadata>"
		 "<devices><disk/>%s</devices></domain>", metadata, devices);
	return xml_read(text, e);
}

static const char card[] = "<interface type='network'><source network='default'/><target dev='vnet0'/></interface>"
	"<interface type='ethernet'><target dev='azt0'/><alias name='ua-azattest'/></interface>";
static const char vsock[] = "<vsock model='virtio'><cid auto='yes' address='42'/></vsock>";

static void cid_and_wishes_are_read(void)
{
	struct enrolment e;

	tap_need(!read_xml("", vsock, &e));
	tap_need(e.cid == 42 && e.attest && !*e.profile);
	tap_need(!read_xml(AZ "attest='yes' profile='gold'/>", vsock, &e));
	tap_need(e.attest && !strcmp(e.profile, "gold"));
	tap_need(!read_xml(AZ "attest='no'/>", vsock, &e));
	tap_need(!e.attest);
	tap_need(!read_xml("", "", &e) && !e.cid);
}

static void another_namespace_means_nothing(void)
{
	struct enrolment e;

	tap_need(!read_xml("<az:vm xmlns:az='urn:other' attest='no' profile='gold'/>", vsock, &e));
	tap_need(e.attest && !*e.profile);
	tap_need(!read_xml("<vm attest='no'/>", vsock, &e));
	tap_need(e.attest);
}

static void what_cannot_be_is_refused(void)
{
	static const char * const cids[] = { "2", "4294967295", "x", "42x", "", "-1" };
	struct enrolment e;
	char text[200];

	for (size_t i = 0; i < TAP_COUNT(cids); i++) {
		snprintf(text, sizeof(text), "<vsock><cid address='%s'/></vsock>", cids[i]);
		tap_need_msg(read_xml("", text, &e), "%s", cids[i]);
	}
	snprintf(text, sizeof(text), "%s%s", vsock, vsock);
	tap_need(read_xml("", text, &e));
	tap_need(read_xml(AZ "attest='maybe'/>", vsock, &e));
	tap_need(read_xml(AZ "attest='no'/>" AZ "attest='yes'/>", vsock, &e));
	tap_need(read_xml(AZ "profile='a123456789b123456789c123456789d1'/>", vsock, &e));
	tap_need(!read_xml(AZ "profile='a123456789b123456789c123456789d'/>", vsock, &e));
	tap_need(xml_read("<domain", &e));
	tap_need(xml_read("", &e));
}

static void rest_is_wished_by_metadata_and_goes_by_the_marked_card(void)
{
	struct enrolment e;

	tap_need(!read_xml("", card, &e));
	tap_need(!e.rest && !*e.tap);
	tap_need(!read_xml(AZ "rest='yes'/>", card, &e));
	tap_need(e.rest && e.attest && !e.cid && !strcmp(e.tap, "azt0"));
	tap_need(!read_xml(AZ "rest='no'/>", card, &e));
	tap_need(!e.rest);
	/* What is wrong with a card matters to who wants it. */
	tap_need(!read_xml(AZ "rest='no'/>", "<interface><alias name='ua-azattest'/></interface>", &e));
	tap_need(!read_xml(AZ "attest='no' rest='yes'/>", "", &e));
}

static void a_card_that_leads_elsewhere_is_refused(void)
{
	static const char * const cards[] = {
		"", "<interface type='ethernet'><target dev='azt0'/><alias name='net0'/></interface>",
		"<interface type='network'><target dev='vnet0'/><alias name='ua-azattest'/></interface>",
		"<interface type='ethernet'><alias name='ua-azattest'/></interface>",
		"<interface type='ethernet'><target dev=''/><alias name='ua-azattest'/></interface>",
		"<interface type='ethernet'><target dev='a234567890123456'/><alias name='ua-azattest'/></interface>",
	};
	struct enrolment e;
	char twice[600];

	for (size_t i = 0; i < TAP_COUNT(cards); i++)
		tap_need_msg(read_xml(AZ "rest='yes'/>", cards[i], &e), "%s", cards[i]);
	snprintf(twice, sizeof(twice), "%s%s", card, card);
	tap_need(read_xml(AZ "rest='yes'/>", twice, &e));
	tap_need(read_xml(AZ "rest='maybe'/>", card, &e));
	tap_need(read_xml(AZ "rest='yes'/>" AZ "rest='yes'/>", card, &e));
}

static void a_domain_has_an_identity_while_it_may_run_here(void)
{
	tap_need_eq(domain_wish(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED), DOMAIN_BIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATION_CANCELED), DOMAIN_BIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER), DOMAIN_BIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR), DOMAIN_BIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION), DOMAIN_UNBIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY), DOMAIN_UNBIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP), DOMAIN_LEAVE);
	tap_need_eq(domain_wish(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE), DOMAIN_LEAVE);
	tap_need_eq(domain_wish(VIR_DOMAIN_SHUTOFF, 0), DOMAIN_UNBIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_CRASHED, 0), DOMAIN_UNBIND);
	tap_need_eq(domain_wish(VIR_DOMAIN_NOSTATE, 0), DOMAIN_UNBIND);
}

static void a_long_name_is_cut_between_characters(void)
{
	char name[200], cut[AZATTEST_NAME_LEN];

	domain_cut_name("web1", cut);
	tap_need(!strcmp(cut, "web1"));
	memset(name, 'x', 100);
	name[100] = 0;
	domain_cut_name(name, cut);
	tap_need_eq(strlen(cut), AZATTEST_NAME_LEN - 1);
	/* Two bytes each from the second byte on: one would be cut in two. */
	for (int i = 0; i < 60; i++)
		memcpy(name + 2 * i, "\xc3\xa9", 3);
	domain_cut_name(name, cut);
	tap_need_eq(strlen(cut), 62);
	tap_need_eq((unsigned char)cut[61], 0xa9);
}

/* ---- a libvirt that says what it is told to, instead of the library's functions ---- */

static int said_state, said_error;	/* a state, or an error instead */

int virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags)
{
	(void)domain;
	(void)flags;
	*state = said_state;
	*reason = 0;
	return said_error ? -1 : 0;
}

int virGetLastErrorCode(void)
{
	return said_error;
}

const char *virGetLastErrorMessage(void)
{
	return "libvirt's words";
}

const char *virDomainGetName(virDomainPtr domain)
{
	(void)domain;
	return "web1";
}

int virDomainGetUUIDString(virDomainPtr domain, char *text)
{
	(void)domain;
	strcpy(text, "c0ffee42-0000-4000-8000-00000000002a");
	return 0;
}

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
	char *text;

	(void)domain;
	(void)flags;
	tap_need(asprintf(&text, "<domain><devices>%s</devices></domain>", vsock) > 0);
	/* Now it has ended. */
	said_state = VIR_DOMAIN_SHUTOFF;
	return text;
}

/* Nobody is there to be told, so a failure says who was asked. */
static const struct agent agent = { .api = "/nonexistent/api.sock", .pids = "/nonexistent" };

static void one_that_libvirt_does_not_know_is_unbound(void)
{
	struct failure failure;

	said_error = VIR_ERR_NO_DOMAIN;
	tap_need(!domain_settle(&agent, NULL, &failure));
	tap_need_msg(strstr(failure.text, "azattest-hostd does not answer"), "%s", failure.text);
}

static void a_libvirt_that_does_not_answer_unbinds_nobody(void)
{
	static const int errors[] = { VIR_ERR_RPC, VIR_ERR_SYSTEM_ERROR, VIR_ERR_INVALID_CONN,
				      VIR_ERR_INTERNAL_ERROR, VIR_ERR_OPERATION_TIMEOUT };
	struct failure failure;

	for (size_t i = 0; i < TAP_COUNT(errors); i++) {
		said_error = errors[i];
		tap_need(!domain_settle(&agent, NULL, &failure));
		tap_need_msg(!strcmp(failure.text, "web1: libvirt's words"), "%s", failure.text);
	}
}

static void one_that_ends_while_it_is_bound_is_no_failure(void)
{
	struct failure failure;

	said_error = 0;
	said_state = VIR_DOMAIN_RUNNING;
	tap_need_msg(domain_settle(&agent, NULL, &failure), "%s", failure.text);
}

static const struct tap_test tests[] = {
	TAP_TEST(cid_and_wishes_are_read),
	TAP_TEST(another_namespace_means_nothing),
	TAP_TEST(what_cannot_be_is_refused),
	TAP_TEST(rest_is_wished_by_metadata_and_goes_by_the_marked_card),
	TAP_TEST(a_card_that_leads_elsewhere_is_refused),
	TAP_TEST(a_domain_has_an_identity_while_it_may_run_here),
	TAP_TEST(a_long_name_is_cut_between_characters),
	TAP_TEST(one_that_libvirt_does_not_know_is_unbound),
	TAP_TEST(a_libvirt_that_does_not_answer_unbinds_nobody),
	TAP_TEST(one_that_ends_while_it_is_bound_is_no_failure),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
