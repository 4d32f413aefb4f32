# SPDX-License-Identifier: GPL-2.0
# Owns the reading of one test's output (TAP or KTAP, top level only).

# Prints one line for each result: "case NUMBER ok|fail|skip NAME REASON", and
# "problem TEXT" for each way in which the output breaks its promise, fields
# separated by tabs. Indented lines are a sub-test's and belong to its parent.

function problem(text)
{
	print "problem\t" text
}

function trim(text)
{
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	gsub(/\t/, " ", text)
	return text
}

function plan(line)
{
	if (planned >= 0)
		problem("says a second plan")
	planned = substr(line, 4) + 0
	if (planned > 0)
		return
	if (match(line, /#[ \t]*[Ss][Kk][Ii][Pp]/) &&
	    trim(substr(line, RSTART + RLENGTH)) != "")
		print "case\t0\tskip\t(the whole test)\t" \
			trim(substr(line, RSTART + RLENGTH))
	else
		problem("plans nothing and gives no reason")
	skipped_whole = 1
}

function result(verdict, line,    number, name, reason)
{
	sub(/^(not )?ok[ \t]*/, "", line)
	number = line + 0
	sub(/^[0-9]+[ \t]*/, "", line)
	sub(/^-[ \t]*/, "", line)
	name = line
	reason = ""
	if (match(line, /#[ \t]*[Ss][Kk][Ii][Pp]/)) {
		name = substr(line, 1, RSTART - 1)
		reason = trim(substr(line, RSTART + RLENGTH))
		if (verdict == "ok") {
			verdict = "skip"
			if (reason == "")
				problem("result " number " is skipped without a reason")
		}
	}
	seen++
	if (number != seen)
		problem("result " seen " calls itself " number)
	print "case\t" number "\t" verdict "\t" trim(name) "\t" reason
}

BEGIN { planned = -1 }

{ sub(/\r$/, "") }
/^1\.\.[0-9]+/ { plan($0); next }
/^ok([ \t]|$)/ { result("ok", $0); next }
/^not ok([ \t]|$)/ { result("fail", $0); next }
/^Bail out!/ { problem("bailed out:" substr($0, 10)) }

END {
	if (planned < 0)
		problem("says no plan")
	else if (seen < planned)
		problem("planned " planned " results, gave " seen + 0)
	else if (seen > planned)
		problem("planned " planned " results, gave " seen)
	if (seen + 0 == 0 && planned > 0)
		problem("gives no result at all")
}
