import { categories } from '../../model/categories.ts'
import { sha256Base64 } from '../../platform/bytes.ts'
import { autoNote, categoryTitles } from './markdown.ts'
import type { ExportParts } from './parts.ts'

/**
 * One page that stands alone: nothing is loaded from anywhere, the policy in its head forbids it, and the two inline
 * blocks are named there by their hashes, so that a script in a record could not run (ING-EXP-3).
 */
export function toHtml(parts: ExportParts): string {
  const policy = `default-src 'none'; style-src 'sha256-${sha256Base64(style)}'; script-src 'sha256-${sha256Base64(script)}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<title>${escapeHtml(parts.project)} · Engram</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(parts.project)}</h1>
<p>${parts.observations.length} memories, exported ${escapeHtml(parts.exportedAt)}</p>
<label>Search <input id="search" type="search" autocomplete="off"></label> <output id="count"></output>
</header>
<main>
${categories.map((category) => sectionHtml(parts, category)).join('')}${sessionsHtml(parts)}${conversationsHtml(parts)}</main>
<script>${script}</script>
</body>
</html>
`
}

/** Safe in text and in quoted attributes alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function sectionHtml(parts: ExportParts, category: (typeof categories)[number]): string {
  const items = parts.observations.filter((one) => one.category === category)
  if (items.length === 0) return ''
  const articles = items.map((one) => {
    const facts = `#${one.id} · ${one.type} · ${one.created_at}${autoNote(one)}`
    return articleHtml(one.title, facts, one.content)
  })
  return `<section>\n<h2>${categoryTitles[category]}</h2>\n${articles.join('')}</section>\n`
}

const articleHtml = (title: string, facts: string, text: string): string =>
  `<article>\n<h3>${escapeHtml(title)}</h3>\n<p class="facts">${escapeHtml(facts)}</p>\n<pre>${escapeHtml(text)}</pre>\n</article>\n`

function sessionsHtml(parts: ExportParts): string {
  const told = parts.sessions.filter((session) => (session.summary ?? '') !== '')
  if (told.length === 0) return ''
  const articles = told.map((session) => articleHtml(session.started_at, session.id, session.summary ?? ''))
  return `<section>\n<h2>Sessions</h2>\n${articles.join('')}</section>\n`
}

function conversationsHtml(parts: ExportParts): string {
  return parts.conversations
    .map(({ session, messages }) => {
      const turns = messages.map((message) => articleHtml(message.role, message.created_at ?? '', message.content))
      return `<section>\n<h2>Conversation ${escapeHtml(session.id)}</h2>\n${turns.join('')}</section>\n`
    })
    .join('')
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 50rem; margin: 0 auto; padding: 1rem; }
header { position: sticky; top: 0; padding: .5rem 0; background: Canvas; border-bottom: 1px solid GrayText; }
h1 { margin: 0; font-size: 1.4rem; }
h2 { margin-top: 2rem; }
article { margin: 1.2rem 0; padding: .2rem 1rem; border-left: 3px solid Highlight; }
h3 { margin: 0; font-size: 1.05rem; }
.facts { margin: 0; font-size: .85rem; opacity: .75; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
`

const script = `
const field = document.getElementById('search')
const count = document.getElementById('count')
const articles = Array.from(document.querySelectorAll('article'))
function show() {
  const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean)
  let shown = 0
  for (const article of articles) {
    const text = article.textContent.toLowerCase()
    article.hidden = !words.every((word) => text.includes(word))
    if (!article.hidden) shown++
  }
  count.textContent = words.length ? shown + ' found' : ''
}
field.addEventListener('input', show)
`
