/** The words of an area in another language: each of its keys, and no other, or it does not compile. */
export type WordsOf<Area> = Readonly<Record<keyof Area, string>>;
