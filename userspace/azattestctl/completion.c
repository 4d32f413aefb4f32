// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl completion": the few lines by which a shell asks "azattestctl complete".

#include "ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* A VM's name is its owner's: no shell reads it as anything but a word. */
static const char bash[] =
"# bash completion of azattestctl; made by azattestctl completion bash\n"
"_azattestctl()\n"
"{\n"
"	local word\n"
"	COMPREPLY=()\n"
"	while IFS= read -r word; do\n"
"		if [ \"$word\" = :files ]; then\n"
"			compopt -o default\n"
"		else\n"
"			printf -v word %q \"$word\"\n"
"			COMPREPLY+=(\"$word\")\n"
"		fi\n"
"	done < <(azattestctl complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
"}\n"
"complete -F _azattestctl azattestctl\n";

static const char zsh[] =
"#compdef azattestctl\n"
"# zsh completion of azattestctl; made by azattestctl completion zsh\n"
"_azattestctl()\n"
"{\n"
"	local -a found\n"
"	found=(${(f)\"$(azattestctl complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
"	if [[ ${found[1]} == :files ]]; then\n"
"		_files\n"
"	else\n"
"		compadd -a found\n"
"	fi\n"
"}\n"
"_azattestctl \"$@\"\n";

int completion_command(const struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	if (!arguments_words(argc, argv, 1, "bash or zsh"))
		return EXIT_USAGE;
	if (!strcmp(argv[optind], "bash")) {
		fputs(bash, stdout);
	} else if (!strcmp(argv[optind], "zsh")) {
		fputs(zsh, stdout);
	} else {
		say("completion: there is none for \"%s\": takes bash or zsh", argv[optind]);
		return EXIT_USAGE;
	}
	return output_end(argv[0]);
}
