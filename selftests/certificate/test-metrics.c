// SPDX-License-Identifier: GPL-2.0
// Promises of azattestctl metrics: every scraper reads it, each name is in the manual, numbers are true.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <selftests/certificate/promtext.h>
#include <selftests/certificate/rig.h>
#include <userspace/common/common.h>

#define PREFIX	"azattest_"

static struct rig rig;
static struct promtext metrics;

/* what the reader is worth */

#define HELP	"# HELP azattest_a_total x\n"
#define TYPE	"# TYPE azattest_a_total counter\n"

static void reader_takes_what_is_right(void)
{
	tap_need_msg(promtext_read(&metrics, HELP TYPE "azattest_a_total 0\n"
				   "# HELP azattest_b x \\\\ \\n\n# TYPE azattest_b gauge\n"
				   "azattest_b{k=\"v\",l=\"\\\\ \\\" \\n { } ,\"} -1.5e3\n"
				   "azattest_b{k=\"w\"} +Inf\n", PREFIX), "%s", metrics.why);
	tap_need_eq(metrics.count, 3);
	tap_need(promtext_value(&metrics, "azattest_b{k=\"v\",l=\"\\\\ \\\" \\n { } ,\"}") == -1500);
	tap_need(promtext_value(&metrics, "azattest_c") == -1);
}

static void reader_refuses_each_break(void)
{
	static const char *const bad[] = {
		"", "\n", "azattest_a_total 1\n", HELP, HELP TYPE, TYPE "azattest_a_total 1\n",
		HELP "azattest_a_total 1\n", HELP TYPE "azattest_a_total 1",
		HELP TYPE "azattest_a_total 1\n\n", HELP TYPE "azattest_a_total  1\n",
		HELP TYPE "azattest_a_total 1 \n", HELP TYPE "azattest_a_total 1 1700000000\n",
		HELP TYPE "azattest_a_total one\n", HELP TYPE "azattest_a_total -1\n",
		HELP TYPE "azattest_a_total\n", HELP TYPE "azattest_b 1\n",
		HELP TYPE "azattest_a_total 1\nazattest_a_total 2\n",
		HELP TYPE "azattest_a_total 1\n" HELP TYPE "azattest_a_total{k=\"v\"} 1\n",
		HELP TYPE TYPE "azattest_a_total 1\n", HELP TYPE "azattest_a_total{} 1\n",
		HELP TYPE "azattest_a_total{k=\"v\",} 1\n", HELP TYPE "azattest_a_total{k=v} 1\n",
		HELP TYPE "azattest_a_total{k=\"v} 1\n", HELP TYPE "azattest_a_total{k=\"\\t\"} 1\n",
		HELP TYPE "azattest_a_total{k=\"a\nb\"} 1\n", HELP TYPE "azattest_a_total{2=\"v\"} 1\n",
		HELP TYPE "azattest_a_total{k=\"v\",k=\"w\"} 1\n",
		HELP "# TYPE azattest_a_total gauge\nazattest_a_total 1\n",
		HELP "# TYPE azattest_a_total summary\nazattest_a_total 1\n",
		"# HELP azattest_a x\n# TYPE azattest_a counter\nazattest_a 1\n",
		"# HELP other_total x\n# TYPE other_total counter\nother_total 1\n",
		"# HELP azattest_a_total\n" TYPE "azattest_a_total 1\n", HELP TYPE "# a comment\n",
		HELP TYPE "azattest_a_total 1\r\n",
	};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		tap_need_msg(!promtext_read(&metrics, bad[i], PREFIX), "taken: %s", bad[i]);
}

/* a host */

static void read_metrics(void)
{
	static char text[65536];
	FILE *in;
	size_t length;

	tap_need_eq(rig_shell(&rig, "%s/azattestctl --socket run/azattestd.sock metrics >metrics "
			      "2>said", rig.bin), 0);
	in = fopen(rig_path(&rig, "metrics"), "r");
	length = in ? fread(text, 1, sizeof(text) - 1, in) : 0;
	fclose(in);
	text[length] = 0;
	tap_need_msg(promtext_read(&metrics, text, PREFIX), "%s", metrics.why);
}

static void need(const char *name, double value)
{
	double is = promtext_value(&metrics, name);

	tap_need_msg(is == value, "%s is %g, not %g", name, is, value);
}

static void ask_badly(void)
{
	int place = fakemodule_ask(rig.module, 20201001, "a\"b", "");

	tap_need_wait(fakemodule_answered(rig.module, place));
	tap_need_eq(rig.module->request[place].answer.status, AZATTEST_STATUS_BAD_REQUEST);
	fakemodule_free(rig.module, place);
}

static void open_host(const char *name)
{
	rig_open_cmp(&rig, name);
	rig_start_active(&rig);
}

static void numbers_are_those_of_the_host(void)
{
	open_host("numbers");
	rig_need_document(&rig);
	rig_need_document(&rig);
	ask_badly();
	tap_need_wait(rig_number(&rig, "counters", "issued") == 2);
	read_metrics();
	need("azattest_up", 1);
	need("azattest_host_state{state=\"Active\"}", 1);
	need("azattest_host_state{state=\"Expired\"}", 0);
	need("azattest_host_info{sub=\"ok\",version=\"" AZATTEST_PRODUCT_VERSION "\"}", 1);
	need("azattest_documents_issued_total", 2);
	need("azattest_documents_refused_total{reason=\"bad-request\"}", 1);
	need("azattest_documents_refused_total{reason=\"denied\"}", 0);
	need("azattest_renewals_total", 1);
	need("azattest_renewal_failures_total", 0);
	need("azattest_signers_ready", 2);
	need("azattest_certificate_generation", 1);
	need("azattest_certificate_ends_soon", 0);
	need("azattest_clock_doubt", 0);
	need("azattest_certificate_not_after_timestamp_seconds",
	     (double)rig_number(&rig, "certificate", "not_after"));
	tap_need(promtext_value(&metrics, "azattest_certificate_remaining_seconds") > 29 * 86400.);
	rig_stop_ca(&rig);
	tap_need(*rig_sync(&rig) && *rig_sync(&rig));
	read_metrics();
	need("azattest_host_state{state=\"Active\"}", 1);
	need("azattest_renewals_total", 1);
	need("azattest_renewal_failures_total", 2);
	need("azattest_renewal_failures_in_a_row", 2);
	tap_need(promtext_value(&metrics, "azattest_renewal_failing_since_timestamp_seconds") > 0);
	rig_stop(&rig);
}

static void nobody_there_is_up_0_and_no_numbers(void)
{
	rig_open(&rig, "down");
	read_metrics();
	need("azattest_up", 0);
	need("azattest_documents_issued_total", -1);
	tap_need_eq(rig_shell(&rig, "grep -q 'is azattestd running?' said"), 0);
	tap_need_eq(rig_shell(&rig, "%s/azattestctl metrics x 2>said", rig.bin), 2);
	tap_need_eq(rig_shell(&rig, "%s/azattestctl metrics >/dev/full 2>said", rig.bin), 1);
}

/* Without the module its families are not there: the manual has their pattern. */
static void each_name_is_in_the_manual(void)
{
	open_host("manual");
	tap_need_eq(rig_shell(&rig, "%s/azattestctl --socket run/azattestd.sock metrics 2>said | "
			      "sed -n 's/^# TYPE \\([a-z_]*\\) .*/\\1/p' | grep -v ^azattest_module_ | "
			      "sort >is && sed -n 's/^| `\\(azattest_[a-z_]*\\).*/\\1/p' "
			      "%s/../../docs/metrics.md | grep -v ^azattest_module_ | sort >told && "
			      "test -s is && diff is told >&2", rig.bin, rig.bin), 0);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(reader_takes_what_is_right),
	TAP_TEST(reader_refuses_each_break),
	TAP_TEST(numbers_are_those_of_the_host),
	TAP_TEST(nobody_there_is_up_0_and_no_numbers),
	TAP_TEST(each_name_is_in_the_manual),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
