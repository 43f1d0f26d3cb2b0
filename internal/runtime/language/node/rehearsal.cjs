'use strict';
// The function of a rehearsal, see bootstrap.cjs.
exports.handler = async (event) => event;
