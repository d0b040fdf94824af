interface Branch {
  readonly children: Map<string, Branch>;
}

/** The paths of a tree as people draw them, below the name of its folder. Folders come first. */
export function drawTree(name: string, paths: Iterable<string>): string {
  const root: Branch = { children: new Map() };
  for (const path of paths) {
    let at = root;
    for (const part of path.split('/')) {
      const next = at.children.get(part) ?? { children: new Map() };
      at.children.set(part, next);
      at = next;
    }
  }
  return [`${name}/`, ...lines(root, '')].join('\n');
}

function lines({ children }: Branch, indent: string): readonly string[] {
  const sorted = [...children].sort(([a, { children: below }], [b, { children: beside }]) => {
    const folders = Number(beside.size > 0) - Number(below.size > 0);
    return folders === 0 ? (a < b ? -1 : 1) : folders;
  });
  return sorted.flatMap(([name, branch], at) => {
    const isLast = at === sorted.length - 1;
    const isFolder = branch.children.size > 0;
    return [
      `${indent}${isLast ? '└── ' : '├── '}${name}${isFolder ? '/' : ''}`,
      ...lines(branch, `${indent}${isLast ? '    ' : '│   '}`),
    ];
  });
}
