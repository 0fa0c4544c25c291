// Schemas and values from a seed, and what Ajv says of them:
//   S {schema}
//   V 0|1 {value}      1: valid; of the schema before
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const [seed = '1', schemas = '300'] = process.argv.slice(2)
let state = Number(seed) >>> 0
// mulberry32
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0
  let t = Math.imul(state ^ (state >>> 15), state | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const below = (n) => Math.floor(random() * n)
const pick = (list) => list[below(list.length)]
const chance = (p) => random() < p
const list = (min, max, make) => Array.from({ length: min + below(max - min + 1) }, make)

const names = ['a', 'b', 'c', 'id', 'ä', 'x-1', 'x-2', 'kind']
const texts = ['', 'a', 'ab', 'abc', 'abcd', 'ä', '😀', '😀😀', 'a b', 'A1', '2024-02-29', '2023-02-29', '192.0.2.1', '::1', 'a@example.com', '123e4567-e89b-12d3-a456-426614174000', '10', 'null', 'line\nend', '\u00a0', 'https://example.com/a?b']
const numbers = [0, -0, 1, -1, 2, 3, 4, 5, 6, 9, 10, 15, 0.5, 1.5, 2.5, -2.25, 100, 1e3, 12345678901, 3.0]
const patterns = ['^a', 'b$', '^[a-z]+$', '\\d', '^\\S*$', '^.{2}$', 'a|b', '^(ab)*$', '^\\p{L}+$', '^[^a]*$', '^\\s$', '^\\w+$']
const formats = ['date', 'ipv4', 'ipv6', 'email', 'uuid', 'uri']

const value = (depth = 0) => {
  const kind = below(depth > 2 ? 5 : 7)
  if (kind === 0) return pick([true, false, null])
  if (kind <= 2) return pick(numbers)
  if (kind <= 4) return pick(texts)
  if (kind === 5) return list(0, 4, () => value(depth + 1))
  return Object.fromEntries(list(0, 4, () => [pick(names), value(depth + 1)]))
}

const schema = (depth = 0) => {
  if (chance(0.04)) return pick([true, false])
  if (depth > 0 && chance(0.06)) return { $ref: '#/$defs/one' }
  const out = {}
  const types = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object']
  if (chance(0.5)) out.type = chance(0.75) ? pick(types) : [...new Set(list(2, 3, () => pick(types)))]
  const some = (p, key, make) => { if (chance(p)) out[key] = make() }
  some(0.06, 'enum', () => [...new Map(list(1, 4, () => value(1)).map((one) => [JSON.stringify(one), one])).values()])
  if (!('enum' in out)) some(0.04, 'const', () => value(1))
  some(0.15, 'minimum', () => pick(numbers)); some(0.15, 'maximum', () => pick(numbers))
  some(0.08, 'exclusiveMinimum', () => pick(numbers)); some(0.08, 'exclusiveMaximum', () => pick(numbers))
  some(0.1, 'multipleOf', () => pick([1, 2, 3, 5, 0.5, 0.25]))
  some(0.15, 'minLength', () => below(4)); some(0.15, 'maxLength', () => below(6))
  some(0.15, 'pattern', () => pick(patterns)); some(0.1, 'format', () => pick(formats))
  if (depth < 3) {
    some(0.25, 'items', () => schema(depth + 1)); some(0.08, 'prefixItems', () => list(1, 3, () => schema(depth + 1)))
    if (!('prefixItems' in out) && chance(0.1)) {
      out.contains = schema(depth + 1)
      some(0.4, 'minContains', () => below(3)); some(0.4, 'maxContains', () => 1 + below(3))
    }
    some(0.4, 'properties', () => Object.fromEntries(list(1, 4, () => [pick(names), schema(depth + 1)])))
    some(0.15, 'additionalProperties', () => (chance(0.4) ? false : schema(depth + 1)))
    some(0.08, 'patternProperties', () => ({ [pick(['^x-', 'a', '^.$'])]: schema(depth + 1) }))
    some(0.06, 'propertyNames', () => schema(depth + 1))
    some(0.08, 'dependentSchemas', () => ({ [pick(names)]: schema(depth + 1) }))
    some(0.1, 'allOf', () => list(1, 3, () => schema(depth + 1))); some(0.1, 'anyOf', () => list(1, 3, () => schema(depth + 1)))
    some(0.08, 'oneOf', () => list(1, 3, () => schema(depth + 1))); some(0.08, 'not', () => schema(depth + 1))
    if (chance(0.06)) {
      out.if = schema(depth + 1)
      some(0.7, 'then', () => schema(depth + 1)); some(0.7, 'else', () => schema(depth + 1))
    }
  }
  some(0.12, 'minItems', () => below(3)); some(0.12, 'maxItems', () => below(4)); some(0.1, 'uniqueItems', () => true)
  some(0.15, 'required', () => [...new Set(list(1, 2, () => pick(names)))])
  some(0.06, 'dependentRequired', () => ({ [pick(names)]: [pick(names)] }))
  some(0.08, 'minProperties', () => below(3)); some(0.08, 'maxProperties', () => below(4))
  return out
}

// A value that is likely to be near what the schema wants.
const near = (of) => {
  if (typeof of !== 'object' || chance(0.25)) return value()
  if ('const' in of) return of.const
  if (of.enum) return pick(of.enum)
  const type = Array.isArray(of.type) ? pick(of.type) : of.type
  if (type === 'array' || of.items !== undefined) return list(0, 3, () => near(of.items ?? {}))
  if (type === 'object' || of.properties) {
    const out = {}
    for (const name of [...Object.keys(of.properties ?? {}), ...(of.required ?? [])]) if (chance(0.75)) out[name] = near(of.properties?.[name] ?? {})
    return out
  }
  if (type === 'string') return pick(texts)
  return type === 'integer' || type === 'number' ? pick(numbers) : value()
}

const text = (json) => JSON.stringify(json).replaceAll('\u2028', '\\u2028')
const lines = []
for (let made = 0; made < Number(schemas); ++made) {
  const { $ref: _, ...recursive } = Object(schema(3))
  const one = { ...Object(schema()), $defs: { one: chance(0.5) ? { ...recursive, properties: { a: { $ref: '#/$defs/one' } } } : recursive } }
  const ajv = new Ajv({ strict: false, validateFormats: true, allErrors: false })
  addFormats(ajv)
  const validate = ajv.compile(one)
  lines.push(`S ${text(one)}`)
  for (let i = 0; i < 40; ++i) {
    const candidate = near(one)
    lines.push(`V ${validate(candidate) ? 1 : 0} ${text(candidate)}`)
  }
}
process.stdout.write(lines.join('\n') + '\n')
