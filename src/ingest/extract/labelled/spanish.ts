import { session } from './builder.ts'
import type { LabelledSession } from './builder.ts'

/** Invented sessions in Spanish, both agents. */
export const spanish: readonly LabelledSession[] = [
  session('tienda-pagos', 'claude-code', 'es', (story) => {
    story
      .human('El pago con tarjeta falla en producción. Nunca guardes el número de tarjeta en los registros.', [
        'X-HUMAN',
        'Nunca guardes el número',
      ])
      .says('Voy a revisar el controlador de pagos.')
      .fails('npm test -- pagos', 'AssertionError: se esperaba 1999 pero llegó 1998.9999\n 1 failing', [
        'X-FIX',
        'importe se calcula en coma flotante',
      ])
      .says(
        'El importe se calcula en coma flotante y el redondeo pierde un céntimo. Hay que trabajar en céntimos enteros.',
      )
      .edits('src/pagos.ts', '-const total = precio * 1.21', '+const total = Math.round(precioCentimos * 121 / 100)')
      .runs('npm test -- pagos', '22 passing')
      .says(
        [
          'Listo.',
          '',
          '## Aprendizajes Clave',
          '',
          '- Los importes se guardan siempre en céntimos enteros, nunca en decimales',
          '- La pasarela repite la notificación hasta recibir un código 200',
          '- Corto',
        ].join('\n'),
        ['X-LEARN', 'céntimos enteros, nunca en decimales'],
        ['X-LEARN', 'repite la notificación'],
      )
      .human('Gracias, funciona. A partir de ahora escribe los mensajes de commit en inglés.', [
        'X-HUMAN',
        'mensajes de commit en inglés',
      ])
      .says('Decisión: las devoluciones se procesan en una cola aparte y no en la petición.', [
        'X-DECL',
        'se procesan en una cola aparte',
      ])
      .says('Elegimos una cola en Postgres en lugar de RabbitMQ porque ya tenemos copias de seguridad de la base.', [
        'X-CHOICE',
        'cola en Postgres en lugar de RabbitMQ',
      ])
      .runs(
        'git commit -am "fix: charge whole cents" -m "Rounding lost a cent, because prices were floats."',
        '[main 3c3c3c3] fix: charge whole cents',
        ['X-COMMIT', 'Rounding lost a cent'],
      )
      .human('siempre falla el segundo intento, ¿puedes mirarlo?')
      .says('Ahora voy a mirar el segundo intento.')
      .says('La causa está en la clave de idempotencia.')
      .human('En este proyecto usamos fechas en UTC.', ['X-HUMAN', 'fechas en UTC'])
      .says('Solución: la clave de idempotencia incluye el número del intento y caduca a las 24 horas.', [
        'X-DECL',
        'incluye el número del intento',
      ])
  }),

  session('agenda-medica', 'codex', 'es', (story) => {
    story
      .human('Las citas salen una hora tarde. Recuerda que las clínicas de Canarias tienen otra zona horaria.', [
        'X-HUMAN',
        'clínicas de Canarias',
      ])
      .fails(
        'mvn -q test -Dtest=CitaTest',
        'java.lang.AssertionError: expected 09:00 but was 10:00\n\tat CitaTest.java:41',
        ['X-FIX', 'se aplica dos veces'],
      )
      .says('El desfase se aplica dos veces, una al leer y otra al mostrar. Basta con guardar el instante.')
      .edits('src/Cita.java', '-LocalDateTime inicio', '+Instant inicio')
      .runs('mvn -q test -Dtest=CitaTest', 'BUILD SUCCESS')
      .says('Causa raíz: la columna era de tipo timestamp sin zona y el driver suponía la zona del servidor.', [
        'X-DECL',
        'timestamp sin zona',
      ])
      .says('Convención: los instantes viajan en UTC y la zona de la clínica solo se usa al mostrar.', [
        'X-DECL',
        'solo se usa al mostrar',
      ])
      .fails('python generar.py', 'bash: python: command not found', ['X-CMD', 'python3 generar.py'])
      .runs('python3 generar.py', 'ok')
      .says('Creo que quizás convenga revisar también los recordatorios.')
      .human('Prefiero las pruebas con datos reales anonimizados en lugar de datos inventados.', [
        'X-HUMAN',
        'datos reales anonimizados',
      ])
      .says('Hemos decidido avisar por correo en vez de por SMS porque el proveedor no entrega fuera de España.', [
        'X-CHOICE',
        'avisar por correo en vez de por SMS',
      ])
      .says('El problema era que `ZoneId.systemDefault()` devuelve la zona del contenedor.', [
        'X-CAUSE',
        'devuelve la zona del contenedor',
      ])
      .human('no, eso no es así. los recordatorios van por SMS')
      .says('Entendido, los recordatorios siguen por SMS.')
      .says('Regla: ningún servicio llama a otro sin un plazo máximo de espera configurado.', [
        'X-DECL',
        'sin un plazo máximo de espera',
      ])
  }),

  session('mapa-rutas', 'claude-code', 'es', (story) => {
    story
      .human('Queremos calcular rutas sin conexión')
      .asks(
        [
          {
            question: '¿Qué formato usamos para el mapa sin conexión?',
            options: [
              { label: 'MBTiles', description: 'Un fichero SQLite por región' },
              { label: 'PMTiles', description: 'Un solo archivo con índice' },
            ],
          },
          {
            question: '¿Cuántas regiones se guardan a la vez?',
            options: [{ label: 'Tres', description: 'Unos 900 MB' }],
          },
        ],
        {
          '¿Qué formato usamos para el mapa sin conexión?': 'PMTiles',
          '¿Cuántas regiones se guardan a la vez?': 'Tres',
        },
        ['X-ASK', 'Un solo archivo con índice'],
        ['X-ASK', 'Unos 900 MB'],
      )
      .plans(
        '# Rutas sin conexión\n\nEl grafo se calcula en el servidor y se descarga por regiones; el teléfono solo busca el camino.',
        true,
        ['X-PLAN', 'el teléfono solo busca el camino'],
      )
      .edits('app/grafo.kt', '+class Grafo')
      .fails(
        './gradlew test',
        'e: file:///app/grafo.kt:12:9 Unresolved reference: Nodo\nFAILURE: Build failed with an exception.',
        ['X-FIX', 'paquete del módulo compartido'],
      )
      .says('La clase vive en el paquete del módulo compartido. Falta la dependencia en el módulo de la aplicación.')
      .edits('app/build.gradle.kts', '+implementation(project(":compartido"))')
      .runs('./gradlew test', 'BUILD SUCCESSFUL')
      .says('Trampa: el emulador no tiene GPS, así que las pruebas de posición usan un proveedor fijo.', [
        'X-DECL',
        'el emulador no tiene GPS',
      ])
      .says('Cambiamos a Dijkstra bidireccional en vez de A*, ya que la heurística no sirve con peajes.', [
        'X-CHOICE',
        'Dijkstra bidireccional',
      ])
      .human('perfecto. Usa siempre kilómetros en la interfaz, nunca millas', ['X-HUMAN', 'Usa siempre kilómetros'])
      .says('Tienes razón, lo cambio.')
      .says(
        [
          '### Procedimiento',
          '1. Descargar el extracto con `./bajar.sh canarias`',
          '2. Generar el grafo con `./gradlew grafo`',
          '3. Subir el archivo al almacén',
        ].join('\n'),
        ['X-DECL', 'Generar el grafo con'],
      )
  }),

  session('panel-energia', 'codex', 'es', (story) => {
    story
      .human('el panel tarda mucho en cargar')
      .says('Estoy mirando las consultas.')
      .runs('psql -c "explain analyze select 1"', 'Seq Scan')
      .says('El problema es que `lecturas` no tiene índice por contador y fecha.')
      .edits('db/004.sql', '+create index on lecturas (contador, fecha)')
      .fails('make prueba', 'ERROR:  relation "lecturas" does not exist\nmake: *** [prueba] Error 1', [
        'X-FIX',
        'migraciones se aplican por orden alfabético',
      ])
      .says(
        'Las migraciones se aplican por orden alfabético y la décima va antes que la segunda. Los nombres llevan ahora tres cifras.',
      )
      .edits('db/010.sql', '+-- renombrado')
      .runs('make prueba', '17 pruebas pasadas')
      .says('Lección: los nombres de las migraciones llevan tres cifras para que el orden sea siempre el mismo.', [
        'X-DECL',
        'llevan tres cifras',
      ])
      .human('gracias. en este repo siempre revisamos las migraciones entre dos', [
        'X-HUMAN',
        'siempre revisamos las migraciones',
      ])
      .says('Optamos por una vista materializada porque los datos cambian solo cada quince minutos.', [
        'X-CHOICE',
        'vista materializada',
      ])
      .runs(
        'git commit -am "perf: panel sobre una vista materializada"',
        '[main e1e1e1e] perf: panel sobre una vista materializada',
        ['X-COMMIT', 'vista materializada'],
      )
      .says('Pregunta abierta: ¿quién refresca la vista cuando cambia la hora?', ['X-DECL', 'refresca la vista'])
      .says('He terminado, el panel carga en 300 ms.')
  }),
]
