// SPDX-License-Identifier: GPL-2.0
// Owns the list of published api-versions and what each one's document has.

#include "document.h"

static const uint32_t published[] = {
	20170301, 20170402, 20170801, 20171001, 20171201, 20180201, 20180402,
	20181001, 20190201, 20190311, 20190430, 20190601, 20190604, 20190801,
	20190815, 20191101, 20200601, 20200715, 20200901, 20201001, 20201201,
	20210101, 20210201, 20210301, 20210501, 20210801, 20211001, 20211101,
	20211115, 20211213, 20230701, 20231115, 20240315, 20240717, 20250407,
};

static const uint32_t member_since[] = {
	[VERSIONS_SUBSCRIPTION_ID] = 20190430,
	[VERSIONS_SKU] = 20191101,
	[VERSIONS_LICENSE_TYPE] = 20200901,
};

const uint32_t *versions_list(size_t *count)
{
	*count = sizeof(published) / sizeof(published[0]);
	return published;
}

bool versions_known(uint32_t version)
{
	size_t count, i;
	const uint32_t *list = versions_list(&count);

	for (i = 0; i < count; i++)
		if (list[i] == version)
			return true;
	return false;
}

bool versions_has_document(uint32_t version)
{
	return version >= VERSIONS_FIRST_DOCUMENT && versions_known(version);
}

bool versions_has_member(uint32_t version, enum versions_member member)
{
	return version >= member_since[member];
}
