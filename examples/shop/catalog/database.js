'use strict'
// The connection to PostgreSQL: found through the file that database.sh writes, made with patience, verified by TLS.
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { Pool } = require('pg')
const { log } = require('../lib/log')
const { kProducts } = require('./products')

const kConnectionsMax = 8
const kConnectMsMax = 3_000
const kStatementMsMax = 15_000
// Waiting for PostgreSQL at start: it may be making its cluster for the first time.
const kRetryMs = 250
const kStartMsMax = 120_000

const kSchema = readFileSync(path.join(__dirname, 'schema.sql'), 'utf8')

function makePool(folder) {
  const file = JSON.parse(readFileSync(path.join(folder, 'connection.json'), 'utf8'))
  const pool = new Pool({
    host: file.host,
    port: file.port,
    user: file.user,
    password: file.password,
    database: file.database,
    ssl: { ca: file.certificate, servername: 'localhost' },
    max: kConnectionsMax,
    connectionTimeoutMillis: kConnectMsMax,
    statement_timeout: kStatementMsMax,
    application_name: 'shop-catalog',
    idleTimeoutMillis: 60_000,
  })
  // An idle connection that breaks (the database was restarted) is replaced by the next query.
  pool.on('error', (error) => log.warn({ error }, 'a database connection broke while idle'))
  return pool
}

// Creates what is missing: tables first, then products.  Several catalogs may start at once.
async function prepare(pool) {
  await inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtext('shop schema'))")
    await client.query(kSchema)
    await client.query(
      `insert into products (id, name, category, description, price_cents, stock, hue)
       select * from jsonb_to_recordset($1::jsonb)
         as p (id integer, name text, category text, description text, "priceCents" integer, stock integer, hue integer)
       on conflict (id) do nothing`,
      [JSON.stringify(kProducts)],
    )
  })
}

// Answers a pool once the database takes connections and has the schema.
async function openDatabase(folder) {
  const end = Date.now() + kStartMsMax
  for (let told = false; ; told = true) {
    let pool
    try {
      pool = makePool(folder)
      await prepare(pool)
      return pool
    } catch (error) {
      await pool?.end().catch(() => {})
      if (Date.now() > end) throw error
      if (!told) log.warn({ reason: error.message }, 'waiting for the database')
      await new Promise((resolve) => setTimeout(resolve, kRetryMs))
    }
  }
}

async function inTransaction(pool, work) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    // When even the rollback fails the connection is gone, and must not return to the pool.
    const broken = await client.query('rollback').then(() => undefined, (second) => second)
    client.release(broken)
    throw error
  }
}

module.exports = { openDatabase, inTransaction }
