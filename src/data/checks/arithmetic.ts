/** Arithmetic over named numbers, as suites write it: numbers, names, + - * /, parentheses. */

export class BadArithmetic extends Error {}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|([-+*/()]))/y;

/** The value of an expression; `lookUp` gives that of a name. Throws BadArithmetic. */
export function arithmetic(expression: string, lookUp: (name: string) => unknown): number {
  const parser = new Parser(tokens(expression), lookUp);
  const value = parser.sum();
  if (parser.next !== undefined) throw new BadArithmetic(`cannot read ${parser.next}`);
  return value;
}

function tokens(expression: string): string[] {
  const found: string[] = [];
  const text = expression.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new BadArithmetic(`cannot read ${JSON.stringify(text.slice(at, at + 20))}`);
    found.push(match[0].trim());
  }
  return found;
}

class Parser {
  private at = 0;
  constructor(
    private readonly tokens: readonly string[],
    private readonly lookUp: (name: string) => unknown,
  ) {}

  get next(): string | undefined {
    return this.tokens[this.at];
  }
  sum(): number {
    let value = this.product();
    while (this.next === "+" || this.next === "-") value += this.take() === "+" ? this.product() : -this.product();
    return value;
  }
  private product(): number {
    let value = this.factor();
    while (this.next === "*" || this.next === "/")
      if (this.take() === "*") value *= this.factor();
      else value /= this.factor();
    return value;
  }
  private factor(): number {
    const token = this.take();
    if (token === "-") return -this.factor();
    if (token === "(") {
      const value = this.sum();
      if (this.take() !== ")") throw new BadArithmetic("a parenthesis is not closed");
      return value;
    }
    if (/^\d/.test(token)) return Number(token);
    if (!/^[A-Za-z_]/.test(token)) throw new BadArithmetic(`cannot read ${token}`);
    const value = this.lookUp(token);
    if (typeof value !== "number") throw new BadArithmetic(`${token} has no number`);
    return value;
  }
  private take(): string {
    const token = this.next;
    if (token === undefined) throw new BadArithmetic("it ends too soon");
    this.at++;
    return token;
  }
}
