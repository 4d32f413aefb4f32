// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-domain's parts: what XML has, and metadata of which one attribute changes.

#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#include <selftests/lib/tap.h>
#include <userspace/domain/domain.h>
#include <userspace/libvirt/libvirt.h>

static const char domain_xml[] = "<domain><devices><vsock model='virtio'><cid address='42'/></vsock>"
	"<interface type='user'/><interface type='ethernet'><alias name='ua-azattest'/></interface></devices></domain>";

static void elements_and_values_are_found(void)
{
	char *text = xml_element(domain_xml, "//interface[alias/@name='ua-azattest']");

	tap_need(text && !strcmp(text, "<interface type=\"ethernet\"><alias name=\"ua-azattest\"/></interface>"));
	free(text);
	text = xml_value(domain_xml, "/domain/devices/vsock/cid/@address");
	tap_need(text && !strcmp(text, "42"));
	free(text);
	tap_need(xml_has(domain_xml, "//interface") && !xml_has(domain_xml, "//disk"));
}

static void what_is_not_one_is_none(void)
{
	tap_need(!xml_element(domain_xml, "//interface"));
	tap_need(!xml_value(domain_xml, "//disk/@type"));
	tap_need(!xml_has(NULL, "/domain") && !xml_value(NULL, "/domain/@type"));
	tap_need(!xml_has("<domain", "/domain") && !xml_has("", "/domain"));
}

static void one_attribute_changes_and_the_others_stay(void)
{
	bool left;
	char *text = xml_with("<vm attest='no' rest='no'/>", "rest", "yes", &left);

	tap_need(text && left && !strcmp(text, "<vm attest=\"no\" rest=\"yes\"/>"));
	free(text);
	text = xml_with("<vm rest='yes'/>", "rest", NULL, &left);
	tap_need(text && !left);
	free(text);
	text = xml_with("<vm rest='yes'><note/></vm>", "rest", NULL, &left);
	tap_need(text && left && !strcmp(text, "<vm><note/></vm>"));
	free(text);
	tap_need(!xml_with("<vm", "rest", "yes", &left));
}

/* libvirt's own test driver; what it holds ends with the connection. */
static virDomainPtr test_domain(virConnectPtr *connection)
{
	*connection = virConnectOpen("test:///default");
	tap_need(*connection);
	return virDomainLookupByName(*connection, "test");
}

static char *metadata(virDomainPtr domain)
{
	return virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, XML_NAMESPACE,
				    VIR_DOMAIN_AFFECT_CONFIG);
}

static void metadata_comes_and_goes(void)
{
	virConnectPtr connection;
	virDomainPtr domain = test_domain(&connection);
	unsigned int config = VIR_DOMAIN_AFFECT_CONFIG;
	char *text;

	tap_need_eq(metadata_set_rest(domain, NULL, config), 0);
	tap_need_eq(metadata_set_rest(domain, "yes", config), 1);
	tap_need_eq(metadata_set_rest(domain, "yes", config), 0);
	text = metadata(domain);
	tap_need(text && strstr(text, "rest=") && strstr(text, "yes"));
	free(text);
	tap_need_eq(metadata_set_rest(domain, NULL, config), 1);
	tap_need(!metadata(domain));
	virDomainFree(domain);
	virConnectClose(connection);
}

static void other_wishes_in_metadata_stay(void)
{
	virConnectPtr connection;
	virDomainPtr domain = test_domain(&connection);
	unsigned int config = VIR_DOMAIN_AFFECT_CONFIG;
	char *text;

	tap_need(!virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, "<vm profile='gold' rest='no'/>", "x",
				       XML_NAMESPACE, config));
	tap_need_eq(metadata_set_rest(domain, "yes", config), 1);
	tap_need_eq(metadata_set_rest(domain, NULL, config), 1);
	text = metadata(domain);
	tap_need(text && strstr(text, "gold") && !strstr(text, "rest"));
	free(text);
	virDomainFree(domain);
	virConnectClose(connection);
}

static void what_libvirt_refuses_is_a_failure(void)
{
	virConnectPtr connection;
	virDomainPtr domain = test_domain(&connection);

	tap_need(!virDomainDestroy(domain));
	tap_need_eq(metadata_set_rest(domain, "yes", VIR_DOMAIN_AFFECT_LIVE), -1);
	virDomainFree(domain);
	virConnectClose(connection);
}

static const struct tap_test tests[] = {
	TAP_TEST(elements_and_values_are_found),
	TAP_TEST(what_is_not_one_is_none),
	TAP_TEST(one_attribute_changes_and_the_others_stay),
	TAP_TEST(metadata_comes_and_goes),
	TAP_TEST(other_wishes_in_metadata_stay),
	TAP_TEST(what_libvirt_refuses_is_a_failure),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
