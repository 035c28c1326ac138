/** What to install when Python says that it has no such module: the package's name on PyPI is not always the module's. */

const PACKAGES: Record<string, string> = {
  sklearn: "scikit-learn",
  yaml: "pyyaml",
  PIL: "pillow",
  cv2: "opencv-python",
  skimage: "scikit-image",
  dateutil: "python-dateutil",
  dotenv: "python-dotenv",
  bs4: "beautifulsoup4",
};

/**
 * The mend for output that ends in ModuleNotFoundError, or undefined; `python` is the interpreter that said it. The module may
 * be the team's own, and a package of that name a stranger's: both ways are told.
 */
export function missingModuleMend(output: string, python: string): string | undefined {
  const all = [...output.matchAll(/ModuleNotFoundError: No module named '([\w-]+)/g)];
  const name = all.at(-1)?.[1];
  if (name === undefined) return undefined;
  return `install it: ${python} -m pip install ${PACKAGES[name] ?? name}; or if ${name} is a module of yours, put it beside pipeline.yaml`;
}
