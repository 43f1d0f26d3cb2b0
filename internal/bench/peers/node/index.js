'use strict'

// One echo for all that run Node functions: Lambda's signature, and the framework's.
exports.handler = async (event) => event
exports.echo = (request, response) => response.json(request.body)
