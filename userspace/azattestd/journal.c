// SPDX-License-Identifier: GPL-2.0
// Owns what becomes of signers' reports: one line each, and counters.

#include "azattestd.h"

#include <string.h>
#include <time.h>

#include <uuid/uuid.h>

#define LINE_MAX_BYTES	512

static const char *const status_names[AZATTEST_STATUS_MAX + 1] = {
	[AZATTEST_STATUS_OK] = "ok",
	[AZATTEST_STATUS_RETRY] = "retry",
	[AZATTEST_STATUS_EXPIRED] = "expired",
	[AZATTEST_STATUS_BUSY] = "busy",
	[AZATTEST_STATUS_UNBOUND] = "unbound",
	[AZATTEST_STATUS_DENIED] = "denied",
	[AZATTEST_STATUS_BAD_REQUEST] = "bad-request",
	[AZATTEST_STATUS_UNSUPPORTED] = "unsupported",
	[AZATTEST_STATUS_FAULT] = "fault",
};

static const char *const transports[] = { "?", "vsock", "rest", "vmm" };

const char *journal_status_name(uint32_t status)
{
	return status <= AZATTEST_STATUS_MAX ? status_names[status] : "?";
}

/* The name came from whoever bound the VM: nothing in it may end a line or a quote. */
static void clean_name(const char *name, size_t size, char *out)
{
	size_t length = strnlen(name, size);

	/* Cut names may end within a character. */
	while (length == size - 1 && length && (name[length - 1] & 0x80))
		length--;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];

		*out++ = c < 0x20 || c == 0x7f || c == '"' || c == '\\' ? '?' : (char)c;
	}
	*out = 0;
}

static void count(struct journal *journal, const struct report *report)
{
	uint32_t status = report->request.status;

	journal->lost += report->lost;
	if (status != AZATTEST_STATUS_OK)
		journal->refused[status <= AZATTEST_STATUS_MAX ? status : 0]++;
	else if (report->request.type == AZATTEST_FRAME_ISSUER)
		journal->issuer++;
	else
		journal->issued++;
}

static const char *verb(const struct report *report)
{
	if (report->request.status != AZATTEST_STATUS_OK)
		return "refused";
	return report->request.type == AZATTEST_FRAME_ISSUER ? "issuer" : "issued";
}

/* How it ended: why not, or until when. */
static void describe_end(const struct report *report, char *out, size_t size)
{
	time_t expires = report->request.expires;
	struct tm tm;

	*out = 0;
	if (report->request.status != AZATTEST_STATUS_OK)
		snprintf(out, size, " status=%s", journal_status_name(report->request.status));
	else if (report->request.type == AZATTEST_FRAME_ATTEST && gmtime_r(&expires, &tm))
		strftime(out, size, " expires=%Y-%m-%dT%H:%M:%SZ", &tm);
}

static size_t write_line(char *out, const struct report *report)
{
	char uuid[37], name[sizeof(report->request.name)], end[64];
	uint32_t version = report->request.api_version;
	bool ok = report->request.status == AZATTEST_STATUS_OK;
	int n;

	uuid_unparse_lower(report->request.uuid, uuid);
	clean_name(report->request.name, sizeof(report->request.name), name);
	describe_end(report, end, sizeof(end));
	n = snprintf(out, LINE_MAX_BYTES,
		     "%sazattestd: %s vm=%s name=\"%s\" cid=%llu binding=%llu via=%s "
		     "api-version=%04u-%02u-%02u nonce=%s attempt=%u%s\n",
		     log_prefix(ok ? LOG_INFO : LOG_NOTICE), verb(report), uuid, name,
		     (unsigned long long)report->request.cid,
		     (unsigned long long)report->request.generation,
		     transports[report->request.transport <= AZATTEST_TRANSPORT_MAX ?
				report->request.transport : 0],
		     version / 10000, version / 100 % 100, version % 100,
		     report->request.nonce_len ? "given" : "default", report->request.attempt, end);
	return n < LINE_MAX_BYTES ? (size_t)n : LINE_MAX_BYTES - 1;
}

void journal_report(struct journal *journal, enum config_journal level,
		    const struct report *report)
{
	count(journal, report);
	if (report->lost)
		log_line(LOG_WARNING, "%u lines about documents were lost: signers do not wait "
			 "for the journal", report->lost);
	if (level == CONFIG_JOURNAL_NONE ||
	    (level == CONFIG_JOURNAL_REFUSALS && report->request.status == AZATTEST_STATUS_OK))
		return;
	if (sizeof(journal->lines) - journal->length < LINE_MAX_BYTES)
		journal_flush(journal);
	journal->length += write_line(journal->lines + journal->length, report);
}

void journal_flush(struct journal *journal)
{
	log_raw(journal->lines, journal->length);
	journal->length = 0;
}
