const MAX_REMEMBERED = 1_000;

/** The same function, each answer made once: for few keys that come again and again. Beyond a thousand of them it is emptied. */
export function memoize<Value>(make: (key: string) => Value): (key: string) => Value {
  const known = new Map<string, Value>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= MAX_REMEMBERED) known.clear();
    const value = make(key);
    known.set(key, value);
    return value;
  };
}
