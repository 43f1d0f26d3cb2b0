// Answers GET /menu, and takes an order with POST /orders by putting it on a queue.

const { randomUUID } = require("node:crypto");
const { send } = require("./queue");

const menu = { tea: 3, coffee: 4, cake: 5 };

exports.handler = async (event) => {
  switch (event.routeKey) {
    case "GET /menu":
      return json(200, menu);
    case "POST /orders":
      return takeOrder(event);
  }
  return json(404, { message: "There is nothing here." });
};

async function takeOrder(event) {
  let order;
  try {
    order = JSON.parse(Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8"));
  } catch {
    return json(400, { message: "An order is a JSON object." });
  }
  const { item, quantity = 1 } = order ?? {};
  if (!Object.hasOwn(menu, item)) {
    return json(422, { message: `There is no "${item}" on the menu.` });
  }
  const id = randomUUID().slice(0, 8);
  await send(process.env.QUEUE_URL, { id, item, quantity, price: menu[item] * quantity });
  console.log(`order ${id}: ${quantity} ${item}`);
  return json(202, { id });
}

function json(statusCode, body) {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
