/** What Git says about the folder: the commit a run was made from, and whether the tree differed from it. */

export interface GitState {
  commit: string;
  dirty: boolean;
  branch?: string;
}

/** Undefined outside a repository, without Git, or before the first commit. */
export async function gitState(root: string): Promise<GitState | undefined> {
  const [commit, status, branch] = await Promise.all([
    git(root, "rev-parse", "HEAD"),
    git(root, "status", "--porcelain", "--untracked-files=no"),
    git(root, "rev-parse", "--abbrev-ref", "HEAD"),
  ]);
  if (commit === undefined) return undefined;
  return { commit, dirty: status !== undefined && status !== "", ...(branch ? { branch } : {}) };
}

async function git(root: string, ...args: string[]): Promise<string | undefined> {
  try {
    const child = Bun.spawn(["git", "-C", root, ...args], { stdout: "pipe", stderr: "ignore" });
    const text = await new Response(child.stdout).text();
    return (await child.exited) === 0 ? text.trim() : undefined;
  } catch {
    return undefined;
  }
}
