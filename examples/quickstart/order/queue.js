// Puts messages on a queue, on either target.

// send puts a message, any JSON, on the queue at a URL.
exports.send = (url, message) => {
  const body = JSON.stringify(message);
  // The open runtime gives each function a token of its own.
  return process.env.TIDEGATE_TOKEN ? post(url, body) : sendToSQS(url, body);
};

async function post(url, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.TIDEGATE_TOKEN}` },
    body,
  });
  if (!response.ok) {
    throw new Error(`the queue answered ${response.status}: ${await response.text()}`);
  }
}

async function sendToSQS(url, body) {
  // Lambda has AWS's SDK for Node.
  const { SQSClient, SendMessageCommand } = require("@aws-sdk/client-sqs");
  await new SQSClient().send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
}
