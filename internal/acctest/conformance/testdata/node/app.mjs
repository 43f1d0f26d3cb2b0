// What the conformance tests deploy with aws-lambda-ric. Every client's function does
// the same; see the documentation of the Go package.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'

if (process.env.FAIL_AT_START) throw new RangeError('told to fail')

if (process.env.AT_SIGTERM) {
  process.on('SIGTERM', () => {
    console.log(process.env.AT_SIGTERM)
    process.exit(0)
  })
}

class Failure extends Error {
  name = 'Failure'
}

let count = 0

export const handler = async (event, context) => {
  count++
  if (!event?.do) return event
  const { text = '', number = 0 } = event
  switch (event.do) {
    case 'context': {
      const client = context.clientContext
      return {
        request_id: context.awsRequestId,
        arn: context.invokedFunctionArn,
        deadline: Date.now() + context.getRemainingTimeInMillis(),
        title: client?.client?.app_title,
        custom: client?.custom,
        client: official(),
        trace: process.env._X_AMZN_TRACE_ID,
        name: context.functionName,
        version: context.functionVersion,
        memory: Number(context.memoryLimitInMB),
        group: context.logGroupName,
        stream: context.logStreamName
      }
    }
    case 'count':
      return { count, connections: connections() }
    case 'text':
      return 'x'.repeat(number)
    case 'print':
      console.log(text)
      return null
    case 'fail':
      throw new Failure(text + 'x'.repeat(number))
    case 'exit':
      process.exit(number)
    case 'kill':
      process.kill(process.pid, 'SIGKILL')
      break
    case 'sleep':
      return await setTimeout(number, number)
  }
  throw new TypeError('there is nothing to do: ' + event.do)
}

// Writes the text as often as asked for; with "break" as the text it fails then. The
// body of a request to the function's URL is a request of its own.
export const stream = awslambda.streamifyResponse(async (event, output) => {
  const { text, number } = event.body ? JSON.parse(event.body) : event
  if (event.body) {
    output = awslambda.HttpResponseStream.from(output, { statusCode: 201, headers: { 'content-type': 'text/plain', 'x-own': 'yes' } })
  } else {
    output.setContentType('text/plain')
  }
  for (let i = 0; i < number; i++) {
    if (!output.write(text)) await new Promise((resolve) => output.once('drain', resolve))
  }
  if (text === 'break') throw new Failure('broken')
  output.end()
})

// The package of the client and its version.
function official() {
  const { name, version } = JSON.parse(readFileSync(dirname(process.argv[1]) + '/package.json'))
  return `${name} ${version}`
}

// Counts the process's sockets.
function connections() {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync('/proc/self/fd/' + name).startsWith('socket:')
    } catch {
      return false // the descriptor of the listing itself
    }
  }).length
}
