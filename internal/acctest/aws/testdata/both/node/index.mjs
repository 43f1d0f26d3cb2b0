// Answers a request with its event, in all the ways that an answer can be written.
export async function handler(event) {
  return {
    statusCode: 201,
    headers: { "content-type": "application/vnd.order+json", "x-order": "7" },
    cookies: ["cart=7; Path=/", "seen=1"],
    body: Buffer.from(JSON.stringify(event)).toString("base64"),
    isBase64Encoded: true,
  };
}
