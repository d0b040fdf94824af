/**
 * What Kubernetes makes of a command, an argument or a variable: `$(NAME)` is a variable's value where there is one of the
 * name, and `$$` is `$`.
 */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$';
    return variables.get(name) ?? whole;
  });
}
