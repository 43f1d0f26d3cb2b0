// What runs beside the attacks: it has something to hide, and answers at once.
const fs = require('fs')

const hidden = process.env.HIDDEN
fs.writeFileSync('/tmp/hidden', hidden)

exports.handler = async (event) => ({ said: event.say, pid: process.pid, there: fs.readFileSync('/tmp/hidden', 'utf8') === hidden })
