# SPDX-License-Identifier: GPL-2.0
# Owns how a manual quotes the tree, so that no manual can say something else than headers and docs.
#
#   awk -v top=TREE -f quote.awk PAGE.scd | scdoc
#
# A line of a page that begins with @ stands for what it names:
#
#   @comment FILE          the comment at the head of a C header, as it is
#   @struct FILE NAME      a struct: layout, its fields, what is said of it, its errors
#   @defines FILE PREFIX   each constant that begins so: value and what stands beside it
#   @table FILE HEADING    the first table below that heading of a markdown file
#   @blocks FILE HEADING   the blocks of commands below it, up to the next heading
#   @versions              the api-versions that hosts know
#
# What is not found ends the build.

function fail(words)
{
	print FILENAME ":" FNR ": " words >"/dev/stderr"
	failed = 1
	exit 1
}

function open_file(name)
{
	path = top "/" name
	if ((getline line < path) < 0)
		fail("cannot read " name)
	close(path)
}

# Words as scdoc takes them literally.
function plain(text)
{
	gsub(/\\/, "&&", text)
	gsub(/[_*#<>|`~]/, "\\\\&", text)
	return text
}

# A line of a literal block: there only the backslash is more than itself.
function literal(text)
{
	gsub(/\\/, "&&", text)
	return text
}

# The words of one line of a comment.
function comment_words(text)
{
	sub(/^ \*( |$)/, "", text)
	return text
}

function say_comment(name)
{
	open_file(name)
	print "```"
	while ((getline line < path) > 0 && line !~ /^ \*\//)
		if (line ~ /^ \*/)
			print literal(comment_words(line))
	print "```"
	close(path)
}

function say_defines(name, prefix,	count, value, words, at)
{
	open_file(name)
	while ((getline line < path) > 0) {
		if (line !~ "^#define " prefix "[A-Z0-9_]*[ \t]")
			continue
		if (sub(/[ \t]*\\$/, " ", line) && (getline value < path) > 0)
			line = line value
		split(line, part, /[ \t]+/)
		value = line
		sub(/^#define [A-Z0-9_]+[ \t]+/, "", value)
		words = ""
		if ((at = index(value, "/*"))) {
			words = substr(value, at + 3)
			sub(/ *\*\/.*/, "", words)
			value = substr(value, 1, at - 1)
		}
		sub(/[ \t]+$/, "", value)
		gsub(/[ \t]+/, " ", value)
		print "*" plain(part[2]) "* = " plain(value)
		print (words ? "\t" plain(words) : "") "\n"
		count++
	}
	close(path)
	if (!count)
		fail("no constant of " name " begins with " prefix)
}

# One line of what is said of a struct: a field, an error, or words.
function say_said(text)
{
	if (text ~ /^@[a-z0-9_]+:/) {
		at = index(text, ":")
		print "\n*" plain(substr(text, 2, at - 2)) "*"
		text = substr(text, at + 1)
		in_list = 1
	} else if (text ~ /^  +E[A-Z0-9]+(, E[A-Z0-9]+)*(  |$)/) {
		sub(/^ +/, "", text)
		match(text, /^E[A-Z0-9]+(, E[A-Z0-9]+)*/)
		print "\n*" substr(text, 1, RLENGTH) "*"
		text = substr(text, RLENGTH + 1)
		if (text == "")
			text = "as with every ioctl, see above"
		in_list = 1
	} else if (text == "" || (in_list && text !~ /^ /)) {
		print ""
		in_list = 0
	}
	gsub(/^ +| +$/, "", text)
	if (text != "") {
		gsub(/@/, "", text)
		print (in_list ? "\t" : "") plain(text)
	}
}

function say_struct(name, wanted,	said, count, body, i)
{
	open_file(name)
	while ((getline line < path) > 0 && index(line, " * struct " wanted " - ") != 1)
		;
	said[count++] = line
	while ((getline line < path) > 0 && line !~ /^ \*\//)
		said[count++] = comment_words(line)
	while ((getline line < path) > 0) {
		body = body line "\n"
		if (line == "};")
			break
	}
	close(path)
	if (line != "};")
		fail("no struct " wanted " in " name)
	print "```\n" body "```"
	in_list = 0
	for (i = 1; i < count; i++)
		say_said(said[i])
}

# Reads on to the first line below a heading that matches.
function find_below(name, heading, pattern,	on)
{
	open_file(name)
	while ((getline line < path) > 0) {
		if (line ~ /^#/ && line !~ /^#!/)
			on = line == heading
		else if (on && line ~ pattern)
			return
	}
	fail("nothing like " pattern " below \"" heading "\" of " name)
}

function say_row(first,	cells, n, i)
{
	gsub(/`/, "", line)
	gsub(/^\| *| *\|$/, "", line)
	n = split(line, cells, / *\| */)
	for (i = 1; i <= n; i++)
		print (i > 1 ? ":" : "|") (first ? "[" : " ") " " \
			(first && cells[i] != "" ? "*" plain(cells[i]) "*" : plain(cells[i]))
}

function say_table(name, heading,	first)
{
	find_below(name, heading, "^\\|")
	first = 1
	do {
		if (line !~ /^\|-/)
			say_row(first)
		first = 0
	} while ((getline line < path) > 0 && line ~ /^\|/)
	close(path)
}

function say_blocks(name, heading,	on)
{
	find_below(name, heading, "^```")
	on = 1
	print "```"
	while ((getline line < path) > 0 && (on || line !~ /^#/)) {
		if (line ~ /^```/)
			print (on ? "" : "\n") "```"
		else if (on)
			print literal(line)
		if (line ~ /^```/)
			on = !on
	}
	close(path)
}

function say_versions(	count, n, i)
{
	open_file("userspace/document/versions.c")
	while ((getline line < path) > 0 && line != "};") {
		if (line !~ /^\t20[0-9]/)
			continue
		n = split(line, part, /[^0-9]+/)
		for (i = 1; i <= n; i++)
			if (part[i] != "")
				printf "%s%s-%s-%s", count++ ? ", " : "", substr(part[i], 1, 4),
					substr(part[i], 5, 2), substr(part[i], 7)
	}
	close(path)
	print "."
	if (!count)
		fail("no versions in " path)
}

/^@/ {
	rest = $0
	sub(/^@[a-z]+ [^ ]+ ?/, "", rest)
}

$1 == "@comment" { say_comment($2); next }
$1 == "@defines" { say_defines($2, rest); next }
$1 == "@struct" { say_struct($2, rest); next }
$1 == "@table" { say_table($2, rest); next }
$1 == "@blocks" { say_blocks($2, rest); next }
$1 == "@versions" { say_versions(); next }
/^@/ { fail("no such quotation: " $1) }
{ print }
END { exit failed }
