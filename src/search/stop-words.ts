/**
 * Words that leave a query, never the index (RET-302). The other languages apply only when at least two of their words
 * and no English one stand in the query (RET-801): `die`, `son` and `am` are words elsewhere too.
 */
const listOf = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/))

export const englishStopWords = listOf(
  `a about above after again against all also am an and any are as at be because been before being below between both but
  by can could did do does doing down during each few for from further had has have having he her here hers herself him
  himself his how i if in into is it its itself just me might more most my myself no nor not now of off on once only or
  other our ours ourselves out over own same she should so some such than that the their theirs them themselves then there
  these they this those through to too under until up very was we were what when where which while who whom why will with
  would you your yours yourself yourselves s t don`,
)

/** Folded: without accents. */
const otherLanguages: readonly ReadonlySet<string>[] = [
  listOf(
    `al algo como con cual cuando de del desde donde el ella ellos en entre era es esa ese eso esta estan estas este esto
    fue ha han hasta hay la las le les lo los mas me mi muy no nos o para pero por porque que quien se ser si sin sobre son su
    sus tambien te tiene todo tu un una unos y ya yo`,
  ),
  listOf(
    `a ao aos as com como da das de do dos e ela eles em entre era essa esse esta este eu foi ha isso isto ja mais mas me meu
    minha muito na nao nas no nos num numa o onde os ou para pela pelo por porque qual quando que quem se sem ser seu sua
    tambem tem um uma voce`,
  ),
  listOf(
    `aber als am an auch auf aus bei bin bis das dass dem den der des die du ein eine einem einen einer es fur hat hatte ich
    ihr im in ist ja kann mit nach nicht noch nur ob oder sein sich sie sind so uber um und uns vom von vor war warum was wenn
    wer wie wir wird wo zu zum zur`,
  ),
  listOf(
    `a au aux avec ce ces cet cette comme dans de des donc du elle en est et etait ete etre eux il ils j je l la le les leur
    lui ma mais me mes moi mon n ne nos notre nous on ont ou par pas pour pourquoi qu quand que quel quelle qui sa se ses si
    son sont sur ta te tes toi ton tu un une vos votre vous y`,
  ),
]

/** The stop words of a query's language. */
export function stopWordsFor(words: readonly string[]): ReadonlySet<string> {
  if (words.some((word) => englishOnly.has(word))) return englishStopWords
  const counts = otherLanguages.map((list) => words.filter((word) => list.has(word)).length)
  const most = Math.max(...counts)
  return most >= 2 ? (otherLanguages[counts.indexOf(most)] ?? englishStopWords) : englishStopWords
}

/** English words that no other list claims: `a`, `me`, `no`, `son` prove nothing. */
const englishOnly: ReadonlySet<string> = new Set(
  [...englishStopWords].filter((word) => !otherLanguages.some((list) => list.has(word))),
)
