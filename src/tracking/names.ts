/** Names for runs and models that nobody named: adjective-noun-number, easy to say and rarely the same. */

const ADJECTIVES =
  "amber ample brave brisk calm civil clear clever crisp eager early fair fleet fresh gentle glad golden grand hardy honest keen kind lively lucid lucky merry mild neat nimble noble plain prime proud quick quiet rapid ready rosy royal sharp sleek smart snug solid spry stable steady still stout sunny swift tidy true vivid warm wise witty young zesty".split(
    " ",
  );
const NOUNS =
  "anchor badger beacon bishop breeze canyon cedar comet coral crane delta ember falcon fern finch fjord garnet glacier grove harbor hawk heron island juniper kestrel lagoon lantern lark lynx maple marlin meadow mesa minnow otter pebble pelican pine plover quartz raven reef ridge robin rudder sable salmon sparrow spruce summit swallow tern thistle tide trout tulip walnut willow wren".split(
    " ",
  );

const below = (count: number): number => crypto.getRandomValues(new Uint32Array(1))[0]! % count;
const pick = (list: readonly string[]): string => list[below(list.length)]!;

export const randomName = (): string => `${pick(ADJECTIVES)}-${pick(NOUNS)}-${below(1000)}`;
