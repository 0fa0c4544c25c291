// Debian's WordPress as a small company runs it: MariaDB, php-fpm and a plain nginx of the test's own, all in one folder and on free
// ports of loopback, none of them the machine's.  Ringwall's edge comes before this nginx.
import { execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { freePorts, until } from '../harness.mjs'

const run = promisify(execFile)
const sbin = (pattern) => readdirSync('/usr/sbin').filter((name) => pattern.test(name)).map((name) => `/usr/sbin/${name}`).at(-1)
const phpFpm = sbin(/^php-fpm\d/)

// What is missing on this machine, or nothing.
export function missing() {
  const needed = [['/usr/share/wordpress/wp-load.php', 'wordpress'], ['/usr/share/wordpress/wp-content/themes/twentytwentyone', 'wordpress-theme-twentytwentyone'], ['/usr/sbin/mariadbd', 'mariadb-server-core'],
    ['/usr/sbin/nginx', 'nginx'], [phpFpm ?? '', 'php-fpm']]
  const names = needed.filter(([file]) => !existsSync(file)).map(([, name]) => name)
  if (names.length === 0 && !/^mysqli$/m.test(spawnSync('php', ['-m'], { encoding: 'utf8' }).stdout ?? '')) names.push('php-mysql')
  return names
}

const listens = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1')
  socket.once('connect', () => { socket.destroy(); resolve(true) }).once('error', () => resolve(false))
})

export class Site {
  // url: what a browser calls it, the edge before it included.
  constructor(folder, url) {
    this.folder = folder
    this.url = url
    this.children = []
  }

  file(name, text) {
    const file = path.join(this.folder, name)
    writeFileSync(file, text)
    return file
  }

  child(name, command, args, port) {
    const child = spawn(command, args, { cwd: this.folder, stdio: 'ignore' })
    this.children.push(child)
    return until(`${name} listens`, () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
      return listens(port)
    })
  }

  async start() {
    rmSync(this.folder, { recursive: true, force: true })
    for (const name of ['data', 'temporary']) mkdirSync(path.join(this.folder, name), { recursive: true })
    const [database, php, http] = await freePorts(3)
    this.port = http
    // Debian's copy is read-only and wants its settings in /etc; its symbolic links become files here.
    await run('cp', ['-rL', '/usr/share/wordpress', path.join(this.folder, 'www')])
    await Promise.all([this.startDatabase(database), this.startPhp(php, database)])
    await this.startNginx(http, php)
  }

  async startDatabase(port) {
    const data = path.join(this.folder, 'data')
    const asRoot = process.getuid() === 0 ? ['--user=root'] : []
    await run('mariadb-install-db', ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...asRoot], { maxBuffer: 1 << 24 })
    const made = this.file('made.sql', "create database wordpress character set utf8mb4;\ncreate user 'wordpress'@'127.0.0.1' identified by 'wordpress';\ngrant all on wordpress.* to 'wordpress'@'127.0.0.1';\n")
    // The socket's name is short because it is relative to the data: a checkout may lie deeper than such names may be long.
    await this.child('mariadbd', '/usr/sbin/mariadbd', ['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', '--socket=mysql.sock', `--pid-file=${data}/pid`, `--log-error=${data}/error.log`,
      `--init-file=${made}`, '--skip-name-resolve', '--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=64M', ...asRoot], port)
  }

  async startPhp(port, database) {
    const me = spawnSync('id', ['-un'], { encoding: 'utf8' }).stdout.trim()
    const config = this.file('php-fpm.conf', `[global]
error_log = ${this.folder}/php-fpm.log
daemonize = no
[www]
user = ${me}
listen = 127.0.0.1:${port}
pm = static
pm.max_children = 4
php_admin_value[upload_max_filesize] = 8M
php_admin_value[post_max_size] = 9M
php_admin_value[error_log] = ${this.folder}/php.log
`)
    this.file('www/wp-config.php', `<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', 'wordpress');
define('DB_HOST', '127.0.0.1:${database}');
define('WP_HOME', '${this.url}');
define('WP_SITEURL', '${this.url}');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') $_SERVER['HTTPS'] = 'on';
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`)
    await this.child('php-fpm', phpFpm, [...(process.getuid() === 0 ? ['--allow-to-run-as-root'] : []), '--nodaemonize', '--fpm-config', config], port)
  }

  async startNginx(port, php) {
    const config = this.file('nginx.conf', `daemon off;
pid ${this.folder}/nginx.pid;
error_log ${this.folder}/nginx-error.log warn;
worker_processes 1;
${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 256; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path ${this.folder}/temporary/body;
  fastcgi_temp_path ${this.folder}/temporary/fastcgi;
  proxy_temp_path ${this.folder}/temporary/proxy;
  scgi_temp_path ${this.folder}/temporary/scgi;
  uwsgi_temp_path ${this.folder}/temporary/uwsgi;
  client_max_body_size 16m;
  server {
    listen 127.0.0.1:${port};
    root ${this.folder}/www;
    index index.php;
    location / { try_files $uri $uri/ /index.php?$args; }
    location ~ \\.php$ {
      try_files $uri =404;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_param HTTP_HOST $http_host;
      fastcgi_pass 127.0.0.1:${php};
    }
  }
}
`)
    await this.child('nginx', '/usr/sbin/nginx', ['-e', `${this.folder}/nginx-error.log`, '-c', config], port)
  }

  // What the servers wrote about their own trouble.
  log() {
    return ['data/error.log', 'php-fpm.log', 'php.log', 'nginx-error.log'].map((name) => path.join(this.folder, name)).filter(existsSync)
      .map((file) => readFileSync(file, 'utf8').split('\n').slice(-12).join('\n')).join('\n')
  }

  // For a test that ends before its end.
  kill() {
    for (const child of this.children) if (child.exitCode === null) child.kill('SIGKILL')
  }

  // By process id; the database last, since PHP's workers have connections to it.
  async stop() {
    for (const child of this.children.reverse()) {
      if (child.exitCode !== null) continue
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
  }
}
