import { session } from './builder.ts'
import type { LabelledSession } from './builder.ts'

/** Invented sessions in German, both agents. */
export const german: readonly LabelledSession[] = [
  session('lager-app', 'claude-code', 'de', (story) => {
    story
      .human('Der Bestand stimmt nach Umbuchungen nicht. Bitte nie direkt auf main pushen.', [
        'X-HUMAN',
        'nie direkt auf main pushen',
      ])
      .says('Ich schaue mir die Umbuchung an.')
      .fails(
        'dotnet test',
        'System.InvalidOperationException: Bestand darf nicht negativ sein\n   at Lager.Buchen()\nFailed: 1',
        ['X-FIX', 'beiden Buchungen laufen in getrennten Transaktionen'],
      )
      .says(
        'Die beiden Buchungen laufen in getrennten Transaktionen, und dazwischen liest ein anderer den Bestand. Beide müssen in eine.',
      )
      .edits('Lager.cs', '+using var tx = db.Begin();')
      .runs('dotnet test', 'Passed! 54')
      .says('Ursache: zwischen Abgang und Zugang war der Bestand für andere Leser sichtbar falsch.', [
        'X-DECL',
        'zwischen Abgang und Zugang',
      ])
      .says('Entscheidung: Umbuchungen sind ein einziger Vorgang mit zwei Zeilen und einer Nummer.', [
        'X-DECL',
        'ein einziger Vorgang mit zwei Zeilen',
      ])
      .human('Danke, passt. Ab sofort bekommt jede Buchung einen Grund.', ['X-HUMAN', 'jede Buchung einen Grund'])
      .says('Wir haben uns für optimistische Sperren entschieden, weil Konflikte im Lager selten sind.', [
        'X-CHOICE',
        'optimistische Sperren',
      ])
      .says('Vielleicht liegt es auch am Treiber.')
      .runs(
        'git commit -am "fix: Umbuchung in einer Transaktion"',
        '[umbuchung 4444aaa] fix: Umbuchung in einer Transaktion',
        ['X-COMMIT', 'Umbuchung in einer Transaktion'],
      )
      .human('Es kommt immer noch ein Fehler beim Scannen')
      .says('Ich prüfe den Scanner.')
      .fails('dotnet test Scanner', 'error CS0103: The name barcode does not exist in the current context')
      .interrupted()
      .human('Lass den Scanner. Wir verwenden für Etiketten ausschließlich Code 128.', [
        'X-HUMAN',
        'ausschließlich Code 128',
      ])
      .says('Verstanden.')
  }),

  session('fahrplan', 'codex', 'de', (story) => {
    story
      .human('Die Verspätungen kommen doppelt an')
      .fails('pytest -q tests/test_feed.py', 'E       AssertionError: assert 2 == 1\n1 failed', [
        'X-FIX',
        'Feed sendet jede Meldung zweimal',
      ])
      .says('Der Feed sendet jede Meldung zweimal, einmal als Ereignis und einmal als Zustand. Nur das Ereignis zählt.')
      .edits('feed.py', '+if meldung.art == "zustand": continue')
      .runs('pytest -q tests/test_feed.py', '9 passed')
      .says('Das Problem war, dass `feed.lesen()` Zustände und Ereignisse gleich behandelt.', [
        'X-CAUSE',
        'Zustände und Ereignisse gleich',
      ])
      .says('Stolperfalle: der Feed liefert Ortszeit ohne Zone, und in der Nacht der Umstellung fehlt eine Stunde.', [
        'X-DECL',
        'liefert Ortszeit ohne Zone',
      ])
      .says('Konvention: Haltestellen werden mit ihrer amtlichen Nummer gespeichert, nie mit dem Namen.', [
        'X-DECL',
        'mit ihrer amtlichen Nummer',
      ])
      .human('nein, wir speichern die interne Nummer. Denk daran, dass sich amtliche Nummern jedes Jahr ändern.', [
        'X-HUMAN',
        'amtliche Nummern jedes Jahr',
      ])
      .says('Offene Frage: wie lange sollen alte Nummern noch gefunden werden?', [
        'X-DECL',
        'alte Nummern noch gefunden',
      ])
      .fails(
        'npm ci',
        'npm ERR! The `npm ci` command can only install with an existing package-lock.json\nnpm ERR! run npm install --package-lock-only first',
      )
      .runs('npm install --package-lock-only', 'up to date')
      .says('Statt eines Cronjobs nutzen wir einen Trigger, weil der Feed unregelmäßig kommt.', [
        'X-CHOICE',
        'Statt eines Cronjobs',
      ])
      .says('Gute Frage, das sehe ich mir an.')
      .human('In diesem Repo schreiben wir Tests zuerst, und lieber kleine Commits als große.', [
        'X-HUMAN',
        'Tests zuerst',
      ])
      .says('Ich führe jetzt die Tests aus.')
  }),

  session('messwerte', 'claude-code', 'de', (story) => {
    story
      .human('Baue den Export für die Messwerte')
      .asks(
        [
          {
            question: 'In welchem Format sollen die Messwerte exportiert werden?',
            options: [
              { label: 'Parquet', description: 'Spaltenweise, klein, für Auswertungen' },
              { label: 'CSV', description: 'Überall lesbar' },
            ],
          },
        ],
        { 'In welchem Format sollen die Messwerte exportiert werden?': 'Parquet' },
        ['X-ASK', 'Spaltenweise, klein'],
      )
      .edits('export.py', '+import pyarrow')
      .fails('uv run pytest', "ModuleNotFoundError: No module named 'pyarrow'\n1 error", [
        'X-FIX',
        'fehlt in der Gruppe der Laufzeit',
      ])
      .says('Das Paket fehlt in der Gruppe der Laufzeit und steht nur bei den Werkzeugen. Ich verschiebe es.')
      .edits('pyproject.toml', '+"pyarrow>=15"')
      .runs('uv run pytest', '21 passed')
      .says(
        [
          '## Erkenntnisse',
          '- Zeitstempel in Nanosekunden versteht die alte Auswertung nicht, Mikrosekunden schon',
          '- Eine Datei je Tag lässt sich zehnmal schneller lesen als eine je Stunde',
          '',
          '## Fix',
          'Der Export schreibt Mikrosekunden und eine Datei je Tag.',
        ].join('\n'),
        ['X-DECL', 'Mikrosekunden schon'],
        ['X-DECL', 'zehnmal schneller'],
        ['X-DECL', 'eine Datei je Tag'],
      )
      .human('super. Verwende immer die Einheit im Spaltennamen.', ['X-HUMAN', 'Einheit im Spaltennamen'])
      .says('Lösung: die Einheit steht als Endung im Spaltennamen, etwa druck_bar oder temp_c.', [
        'X-DECL',
        'Endung im Spaltennamen',
      ])
      .fails(
        'git push',
        'fatal: The current branch export has no upstream branch.\n\n    git push --set-upstream origin export\n',
        ['X-CMD', 'git push --set-upstream origin export'],
      )
      .runs('git push --set-upstream origin export', 'branch export set up')
      .says('Wir haben auf Zstandard umgestellt, weil Snappy die Dateien doppelt so groß macht.', [
        'X-CHOICE',
        'auf Zstandard umgestellt',
      ])
      .says('Entschuldigung, das war mein Fehler.')
  }),
]
