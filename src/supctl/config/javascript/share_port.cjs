// Lets several processes of one program listen on the same port: the kernel deals connections
// out among them (SO_REUSEPORT, socket(7)). It is loaded before the program, by NODE_OPTIONS.
'use strict';

const net = require('node:net');

const [major, minor] = process.versions.node.split('.').map(Number);
const isKnown = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
const isShared = isKnown && ['linux', 'freebsd'].includes(process.platform);

// The first argument of listen() with what shares its port; as it is if it is no port.
function shared([first, ...others]) {
  if (first !== null && typeof first === 'object') {
    return 'port' in first && Number(first.port) !== 0 ? { reusePort: true, ...first } : first;
  }
  const isPort = typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first));
  if (!isPort || Number(first) === 0) return first;
  const host = others.find((it) => typeof it === 'string');
  const backlog = others.find((it) => typeof it === 'number');
  return { port: Number(first), host, backlog, reusePort: true };
}

if (isShared) {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...given) {
    const first = shared(given);
    if (first === given[0]) return listen.apply(this, given);
    return listen.call(this, first, ...given.filter((it) => typeof it === 'function'));
  };
} else {
  process.on('uncaughtExceptionMonitor', (error) => {
    if (error.code === 'EADDRINUSE') { // what it holds is printed with it
      error.supctl = 'instances can share a port from Node.js 22.12 on, on Linux and FreeBSD';
    }
  });
}
