// The loop between Lambda's Runtime API and the handler, over one connection that stays open.
//
// AWS's own client builds a native part with cmake during installation and requires a recent Node version. This loop has
// fewer features (no tracing, no log levels, no streaming), so it starts faster, which favours the handler.

import http from 'node:http';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request({ host, port, method, path: `/2018-06-01/runtime/${path}`, agent, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

function errorBody(error) {
  return JSON.stringify({ errorType: error.name, errorMessage: error.message });
}

let handler;
try {
  ({ handler } = await import('./handler.mjs'));
} catch (error) {
  await call('POST', 'init/error', errorBody(error));
  process.exit(1);
}
for (;;) {
  const event = await call('GET', 'invocation/next');
  const id = event.headers['lambda-runtime-aws-request-id'];
  try {
    const answer = await handler(JSON.parse(event.body), { awsRequestId: id });
    await call('POST', `invocation/${id}/response`, JSON.stringify(answer));
  } catch (error) {
    await call('POST', `invocation/${id}/error`, errorBody(error));
  }
}
