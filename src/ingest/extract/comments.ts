/** The text without HTML comments; one that is never closed is text. Linear: both marks are only searched forwards. */
export function withoutComments(text: string): string {
  let open = text.indexOf('<!--')
  if (open < 0) return text
  let kept = ''
  let from = 0
  while (open >= 0) {
    const close = text.indexOf('-->', open + 4)
    if (close < 0) break
    kept += text.slice(from, open)
    from = close + 3
    open = text.indexOf('<!--', from)
  }
  return kept + text.slice(from)
}
