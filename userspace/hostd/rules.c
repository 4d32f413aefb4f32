// SPDX-License-Identifier: GPL-2.0
// Owns which words may be asked for and stand in records: taps, names, profiles, processes, CIDs.

#include "core.h"

#include <ctype.h>
#include <string.h>

static const char *wrong_tap(const char *tap)
{
	if (!*tap || !strcmp(tap, ".") || !strcmp(tap, ".."))
		return "tap: not an interface's name";
	for (; *tap; tap++)
		if (*tap == '/' || *tap == ':' || !isgraph((unsigned char)*tap))
			return "tap: not an interface's name";
	return NULL;
}

static const char *wrong_name(const char *name)
{
	json_t *utf8 = json_string(name);
	bool bad = !utf8;

	json_decref(utf8);
	for (; *name; name++)
		bad = bad || iscntrl((unsigned char)*name);
	return bad ? "name: not UTF-8 without control characters" : NULL;
}

static bool is_word(const char *text)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return strspn(text, set) == strlen(text);
}

/* What both requests have. */
static const char *wrong_words(const char *name, const char *profile, const char *manager)
{
	const char *wrong = wrong_name(name);

	if (!wrong && !is_word(profile))
		wrong = "profile: has other than A-Z a-z 0-9 . _ -";
	if (!wrong && !is_word(manager))
		wrong = "manager: has other than A-Z a-z 0-9 . _ -";
	return wrong;
}

static bool is_nobody(const uint8_t uuid[AZATTEST_UUID_LEN])
{
	static const uint8_t none[AZATTEST_UUID_LEN];

	return !memcmp(uuid, none, sizeof(none));
}

const char *vm_wrong_request(const struct vm_request *request)
{
	const char *wrong;

	if (is_nobody(request->uuid))
		return "uuid: all zero";
	if (request->pid < 0 || request->pid == 1)
		return "pid: not a VMM's process";
	if (!request->pid && (*request->name || *request->profile))
		return "name, profile: only with pid; without one they are those of the VMM's binding";
	wrong = wrong_tap(request->tap);
	return wrong ? wrong : wrong_words(request->name, request->profile, request->manager);
}

const char *bind_wrong_request(const struct bind_request *request)
{
	if (is_nobody(request->uuid))
		return "uuid: all zero";
	if (request->pid <= 1)
		return "pid: not a VMM's process";
	if (request->cid && (request->cid < AZATTEST_CID_MIN || request->cid > AZATTEST_CID_MAX))
		return "cid: not one that a guest can have: 3 to 4294967294";
	return wrong_words(request->name, request->profile, request->manager);
}
