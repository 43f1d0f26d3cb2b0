exports.handler = async (event) => `an order of ${event.requestContext.authorizer.jwt.claims.sub}`;
