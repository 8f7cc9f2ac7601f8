// The other side of bench/cel_js.py: the same as bench/cel_bench.cc, by @marcbachmann/cel-js.
//
//   node cel_js.mjs PACKAGE_DIRECTORY FILE...
import {readFileSync} from 'node:fs'
import {createInterface} from 'node:readline'
import {pathToFileURL} from 'node:url'

const [home, ...files] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(`${home}/${path}`))
const {Environment, Duration, UnsignedInt} = await load('lib/evaluator.js')

// The forms of values are those of tests/dsl/conformance_case.h.
function decode(json) {
  const [[kind, x]] = Object.entries(json)
  switch (kind) {
    case 'int': return BigInt(x)
    case 'uint': return new UnsignedInt(BigInt(x))
    case 'double': return x === 'inf' || x === 'Infinity' ? Infinity : x === '-inf' || x === '-Infinity' ? -Infinity : Number(x)
    case 'bytes': return new Uint8Array(Buffer.from(x, 'base64'))
    case 'list': return x.map(decode)
    case 'map': {
      const entries = x.map(([key, value]) => [decode(key), decode(value)])
      if (entries.every(([key]) => typeof key === 'string')) return Object.fromEntries(entries)
      return new Map(entries)
    }
    case 'timestamp': {
      if (x[1] % 1_000_000 !== 0) throw new Error('a Date has milliseconds')
      return new Date(Number(x[0]) * 1000 + x[1] / 1_000_000)
    }
    case 'duration': return new Duration(BigInt(x[0]), Number(x[1]))
    case 'type': throw new Error('types are not bound')
    default: return x
  }
}

// Whether a result is the wanted value, of the same kind.
function is(json, value) {
  const [[kind, x]] = Object.entries(json)
  switch (kind) {
    case 'null': return value === null
    case 'bool': return value === x
    case 'string': return value === x
    case 'int': return typeof value === 'bigint' && value === BigInt(x)
    case 'uint': return value instanceof UnsignedInt && value.value === BigInt(x)
    case 'double': return typeof value === 'number' && Object.is(value, decode(json))
    case 'bytes': return value instanceof Uint8Array && Buffer.from(value).toString('base64') === x
    case 'timestamp':
      return value instanceof Date && x[1] % 1_000_000 === 0 && value.getTime() === Number(x[0]) * 1000 + x[1] / 1_000_000
    case 'duration': return value instanceof Duration && value.seconds === BigInt(x[0]) && value.nanos === Number(x[1])
    case 'list': return Array.isArray(value) && value.length === x.length && x.every((each, i) => is(each, value[i]))
    case 'map': return isMap(x, value)
    case 'type': return value?.name === x
    default: return false
  }
}

function isMap(wanted, value) {
  if (value === null || typeof value !== 'object') return false
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return entries.length === wanted.length &&
    wanted.every(([key, each]) => entries.some(([k, v]) => is(key, k) && is(each, v)))
}

const environment = new Environment({
  unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false, enableOptionalTypes: true,
})

function support(test) {
  if (!('value' in test) || test.container) return null
  try {
    const bindings = Object.fromEntries(Object.entries(test.bindings ?? {}).map(([name, x]) => [name, decode(x)]))
    const evaluate = environment.parse(test.expr)
    return is(test.value, evaluate(bindings)) ? {evaluate, bindings} : null
  } catch {
    return null
  }
}

// What keeps the evaluations from being optimised away.
export let sink

function tookNs({evaluate, bindings}, count) {
  const start = process.hrtime.bigint()
  for (let i = 0; i < count; ++i) sink = evaluate(bindings)
  return Number(process.hrtime.bigint() - start)
}

// How many evaluations fill `enough`, by the quickest of ever more; V8 optimises on the way.
function countFor(x, enough) {
  let best = enough
  for (let count = 1; count <= 1 << 20; count *= 2) {
    const took = tookNs(x, count)
    best = Math.min(best, took / count)
    if (took >= enough && count * best >= enough / 4) break
  }
  return Math.max(1, Math.floor(enough / best))
}

let cases = []
let number = 0
for (const file of files) {
  const lines = readFileSync(file, 'utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (const line of lines) {
    let test = {}
    try {
      test = JSON.parse(line)
    } catch {}
    const supported = support(test)
    if (supported) cases.push({number, ...supported})
    ++number
  }
}
const say = (list) => process.stdout.write(JSON.stringify(list) + '\n')
say(cases.map((x) => x.number))
for await (const line of createInterface({input: process.stdin})) {
  const [verb, ...rest] = line.split(' ')
  if (verb === 'cases') {
    const kept = new Set(rest.map(Number))
    cases = cases.filter((x) => kept.has(x.number))
  } else if (verb === 'warm') {
    for (const x of cases) {
      countFor(x, 20 * Number(rest[0]) * 1000)
      x.count = countFor(x, Number(rest[0]) * 1000)
    }
    say([])
  } else {
    say(cases.map((x) => tookNs(x, x.count) / x.count))
  }
}
