'use strict'
// From method and path to a handler.  Patterns are paths with `:name` for one segment: '/product/:id'.

function compile(pattern) {
  const names = []
  const source = pattern
    .split('/')
    .map((part) => {
      if (!part.startsWith(':')) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      names.push(part.slice(1))
      return '([^/]+)'
    })
    .join('/')
  return { expression: new RegExp(`^${source}$`), names }
}

// routes: [[method, pattern, handler], …].  find() answers {handler, pattern, params}, or {allowed: [methods]} when the path
// exists with other methods only, or null.
function makeRouter(routes) {
  const compiled = routes.map(([method, pattern, handler]) => ({ method, pattern, handler, ...compile(pattern) }))
  return {
    find(method, path) {
      const wanted = method === 'HEAD' ? 'GET' : method
      const allowed = []
      for (const route of compiled) {
        const match = route.expression.exec(path)
        if (!match) continue
        if (route.method !== wanted) {
          allowed.push(route.method)
          continue
        }
        const params = {}
        for (const [i, name] of route.names.entries()) {
          try {
            params[name] = decodeURIComponent(match[i + 1])
          } catch {
            return null // '%zz' names nothing
          }
        }
        return { handler: route.handler, pattern: route.pattern, params }
      }
      return allowed.length > 0 ? { allowed } : null
    },
  }
}

module.exports = { makeRouter }
