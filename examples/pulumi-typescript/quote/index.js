// Answers GET /quotes/{item} with a price, signed so that nobody can alter it.

const { createHmac } = require("node:crypto");

const prices = { tea: 3, coffee: 4, cake: 5 };

exports.handler = async (event) => {
  const { item } = event.pathParameters;
  if (!Object.hasOwn(prices, item)) {
    return answer(404, { message: `There is no "${item}" on the menu.` });
  }
  const quote = `${item} ${prices[item]} ${process.env.CURRENCY}`;
  return answer(200, { quote, signature: sign(quote) });
};

function sign(text) {
  return createHmac("sha256", process.env.SIGNING_KEY).update(text).digest("hex");
}

function answer(statusCode, body) {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
