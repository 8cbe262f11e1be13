/** Jest sees what Node runs: the same type stripping, which keeps every line where it was. */
const { stripTypeScriptTypes } = require('node:module');

module.exports = {
  process: source => ({ code: stripTypeScriptTypes(source) }),
  getCacheKey: source => require('node:crypto').hash('sha1', process.version + source),
};
