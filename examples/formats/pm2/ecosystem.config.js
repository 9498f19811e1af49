// A small web shop as PM2 runs it: pm2 start ecosystem.config.js, or supctl start.
const path = require('path');

const port = Number(process.env.SHOP_PORT || 8000);

module.exports = {
  apps: [
    {
      name: 'web',
      script: 'app.py',
      args: `--name web --port ${port}`,
      env: { NODE_ENV: 'development', PORT: port },
      env_production: { NODE_ENV: 'production' },
      kill_timeout: 5000,
      max_memory_restart: '300M',
      time: true,
    },
    ...['mail', 'images'].map((queue) => ({
      name: `worker ${queue}`,
      namespace: 'workers',
      script: path.join('.', 'app.py'),
      args: ['--name', queue],
      exp_backoff_restart_delay: 100,
      max_restarts: 10,
      min_uptime: '5s',
      watch: false,
    })),
    {
      name: 'clock',
      script: 'while :; do echo tick; sleep 60; done',
      autorestart: true,
      merge_logs: true,
    },
  ],

  deploy: {
    production: { user: 'shop', host: 'shop.example.com', ref: 'origin/main', path: '/srv/shop' },
  },
};
