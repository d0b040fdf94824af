/** The shells that can be taught. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** One of `SHELLS`. */
export type Shell = (typeof SHELLS)[number];

/**
 * What a shell is to source. Each one asks `micro __complete` with the words of the line, the last of which is the one to
 * complete, and gets `candidate<TAB>description` lines; none of them means files.
 */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# micro completion for bash: source <(micro completion bash)
_micro() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _micro micro
`,
  zsh: `#compdef micro
# micro completion for zsh: source <(micro completion zsh), after compinit
_micro() {
  local line
  local -a candidates
  while IFS= read -r line; do
    # A colon would end the candidate.
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe micro candidates; else _files; fi
}
if [ "\${funcstack[1]}" = _micro ]; then _micro "$@"; else compdef _micro micro; fi
`,
  fish: `# micro completion for fish: micro completion fish | source
function __micro_complete
  set -l words (commandline --tokenize --cut-at-cursor --current-process)
  set -l current (commandline --current-token --cut-at-cursor)
  $words[1] __complete -- $words[2..-1] "$current" 2>/dev/null
end
complete --command micro --force-files --arguments '(__micro_complete)'
`,
};
