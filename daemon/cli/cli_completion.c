/*
 * `sennit completion SHELL`: the shell's part of completion, to be sourced or installed. It asks
 * `sennit completion --words ...` at each Tab, so what is offered is what this program knows.
 */
#include "daemon/cli/cli.h"
#include "daemon/cli/complete.h"

/*
 * bash splits words at ':' and '=' too, endpoints among them, and hands back what stands behind the
 * last of these only; so the line is split here again, at blanks.
 */
static const char bash_script[] =
	"# bash completion of sennit: eval \"$(sennit completion bash)\"\n"
	"_sennit() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} word lead candidate\n"
	"\tlocal -a words\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:blank:]] ]] && words+=(\"\")\n"
	"\tword=${words[-1]}\n"
	"\tlead=${word%\"${word##*[:=]}\"}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r candidate; do\n"
	"\t\tcase $candidate in\n"
	"\t\t:nospace) compopt -o nospace ;;\n"
	"\t\t:files)\n"
	"\t\t\tcompopt -o filenames\n"
	"\t\t\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"${word#\"$lead\"}\")\n"
	"\t\t\t;;\n"
	"\t\t*)\n"
	"\t\t\tcandidate=${candidate%%$'\\t'*}\n"
	"\t\t\tCOMPREPLY+=(\"${candidate#\"$lead\"}\")\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone < <(\"${words[0]}\" completion --words \"${words[@]:1}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _sennit sennit\n";

static const char zsh_script[] =
	"#compdef sennit\n"
	"# zsh completion of sennit: source <(sennit completion zsh), or a file _sennit in $fpath\n"
	"_sennit() {\n"
	"\tlocal line name\n"
	"\tlocal -a plain open files\n"
	"\tfor line in \"${(@f)$(\"${words[1]}\" completion --words \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
	"\t\tcase $line in\n"
	"\t\t'' | :nospace) ;;\n"
	"\t\t:files) files=(yes) ;;\n"
	"\t\t*)\n"
	"\t\t\tname=${line%%$'\\t'*}\n"
	"\t\t\tif [[ $name == *[:=] ]]; then\n"
	"\t\t\t\topen+=(\"${name//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\t\t\telse\n"
	"\t\t\t\tplain+=(\"${name//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\t\t\tfi\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t(( $#plain )) && _describe -V sennit plain\n"
	"\t(( $#open )) && _describe -V sennit open -S ''\n"
	"\t(( $#files )) && _files\n"
	"\treturn 0\n"
	"}\n"
	"if [[ $funcstack[1] == _sennit ]]; then _sennit \"$@\"; else compdef _sennit sennit; fi\n";

static const char fish_script[] =
	"# fish completion of sennit: sennit completion fish | source\n"
	"function __sennit_words\n"
	"\tset -l before (commandline -opc)\n"
	"\tset -l word (commandline -ct)\n"
	"\tfor line in ($before[1] completion --words $before[2..] \"$word\" 2>/dev/null)\n"
	"\t\tswitch $line\n"
	"\t\t\tcase :nospace\n"
	"\t\t\tcase :files\n"
	"\t\t\t\t__fish_complete_path \"$word\"\n"
	"\t\t\tcase '*'\n"
	"\t\t\t\tprintf '%s\\n' $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c sennit -f -a '(__sennit_words)'\n";

static const struct {
	const char *name, *script;
} shells[] = {
	{ "bash", bash_script },
	{ "zsh", zsh_script },
	{ "fish", fish_script },
};
#define SHELL_COUNT (sizeof(shells) / sizeof(shells[0]))

static int print_words(const char *const *words, size_t count)
{
	struct sn_strbuf out;

	sn_strbuf_init(&out, 1 << 20);
	if (count > 0)
		sn_cli_complete(words, count, &out);
	fputs(sn_strbuf_cstr(&out), stdout);
	sn_strbuf_fini(&out);
	return EX_OK;
}

static int run(const struct sn_command *command, int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--words") == 0)
		return print_words((const char *const *)argv + 2, (size_t)argc - 2);
	for (size_t i = 0; argc == 2 && i < SHELL_COUNT; i++) {
		if (strcmp(shells[i].name, argv[1]) != 0)
			continue;
		fputs(shells[i].script, stdout);
		return EX_OK;
	}
	return sn_cli_usage(command->name, "completion for which shell? bash, zsh or fish");
}

const struct sn_command sn_command_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "print what teaches a shell to complete sennit's words",
	.help = "`make install` puts these where the shells look. Without it:\n"
		"\n"
		"Examples:\n"
		"  eval \"$(sennit completion bash)\"\n"
		"  source <(sennit completion zsh)\n"
		"  sennit completion fish | source\n",
	.run = run,
};
