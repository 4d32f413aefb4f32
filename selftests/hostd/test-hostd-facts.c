// SPDX-License-Identifier: GPL-2.0
// Promises of a VM's facts: what restd can be told, or a sentence why not.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

static char file[] = "/tmp/azattest-facts-XXXXXX";
static struct hostd hostd;
static struct vm vm;
static struct failure failure;

void vm_uuid_text(const uint8_t uuid[AZATTEST_UUID_LEN], char text[UUID_TEXT])
{
	(void)uuid;
	snprintf(text, UUID_TEXT, "00000000-0000-4000-8000-00000000002a");
}

static void configure(const char *text)
{
	FILE *out = fopen(file, "we");

	tap_need(out && fputs(text, out) >= 0 && !fclose(out));
	hostd = (struct hostd){ .signer_config = file };
	vm = (struct vm){ .binding = { .name = "web1", .profile = "gold" } };
}

static json_t *facts(void)
{
	char *text = facts_text(&hostd, &vm, &failure);
	json_t *object;

	tap_need_msg(text, "%s", failure.text);
	object = json_loads(text, 0, NULL);
	free(text);
	tap_need(object);
	return object;
}

static void need_text(const json_t *object, const char *member, const char *want)
{
	const char *text = json_string_value(json_object_get(object, member));

	tap_need_msg(text && !strcmp(text, want), "%s is %s", member, text ? text : "none");
}

static void a_profile_comes_before_the_document(void)
{
	json_t *object;

	configure("[host]\nsubscription-id = ABC\n[document]\nsku = base\nlicense-type = L0\n"
		  "[profile gold]\nsku = golden\n[profile tin]\nsku = tinned\n");
	object = facts();
	need_text(object, "sku", "golden");
	need_text(object, "licenseType", "L0");
	need_text(object, "subscriptionId", "abc");
	need_text(object, "name", "web1");
	json_decref(object);
}

/* Each of them six bytes in JSON. */
static void fill(char *text, size_t size)
{
	memset(text, 1, size - 1);
	text[size - 1] = 0;
}

static void facts_over_the_most_are_refused(void)
{
	char text[4096] = "[document]\n";
	static const char *const keys[] = {
		"sku", "license-type", "plan-name", "plan-product", "plan-publisher",
	};

	for (size_t i = 0; i < TAP_COUNT(keys); i++) {
		char value[161];

		fill(value, sizeof(value));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s = %s\n", keys[i], value);
	}
	configure(text);
	fill(vm.binding.name, sizeof(vm.binding.name));
	fill(hostd.config.location, sizeof(hostd.config.location));
	fill(hostd.config.provider, sizeof(hostd.config.provider));
	fill(hostd.config.os_type, sizeof(hostd.config.os_type));
	fill(hostd.config.resource_group, sizeof(hostd.config.resource_group));
	tap_need(!facts_text(&hostd, &vm, &failure));
	tap_need_msg(strstr(failure.text, "8192 are the most"), "%s", failure.text);
}

static void facts_that_are_not_utf8_are_refused(void)
{
	configure("");
	strcpy(vm.binding.name, "\xff");
	tap_need(!facts_text(&hostd, &vm, &failure));
	tap_need_msg(strstr(failure.text, "UTF-8"), "%s", failure.text);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_profile_comes_before_the_document),
	TAP_TEST(facts_over_the_most_are_refused),
	TAP_TEST(facts_that_are_not_utf8_are_refused),
};

int main(int argc, char **argv)
{
	int fd = mkstemp(file), status;

	if (fd < 0)
		return 1;
	close(fd);
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	unlink(file);
	return status;
}
