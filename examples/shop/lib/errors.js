'use strict'
// An answer other than success that a handler wants to give.  `details` goes into the JSON body, for the caller's program.
class HttpError extends Error {
  constructor(status, message, details = {}) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.details = details
  }
}

module.exports = { HttpError }
