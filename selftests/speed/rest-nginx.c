// SPDX-License-Identifier: GPL-2.0
// Owns what one would write instead: nginx before a signer on AF_UNIX, and nginx alone.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <selftests/speed/rest.h>

#define SIGNER_SOCKET	"signer.sock"

/* One worker for the one processor, as few system calls as nginx can, no log. */
static const char config[] =
	"daemon off;\n"
	"master_process off;\n"
	"worker_processes 1;\n"
	"pid nginx.pid;\n"
	"error_log stderr error;\n"
	"events { worker_connections 1024; multi_accept on; }\n"
	"http {\n"
	"  access_log off;\n"
	"  tcp_nodelay on;\n"
	"  server_tokens off;\n"
	"  keepalive_requests 1000000000;\n"
	"  keepalive_timeout 3600;\n"
	"  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n"
	"  uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
	"  upstream signer {\n"
	"    server unix:%s/" SIGNER_SOCKET ";\n"
	"    keepalive 64; keepalive_requests 1000000000; keepalive_timeout 3600;\n"
	"  }\n"
	"  server {\n"
	"    listen 169.254.169.253:80 backlog=1024;\n"
	"    default_type application/json;\n"
	"    location = /metadata/versions { return 200 '%s'; }\n"
	"    location = /metadata/attested/document {\n"
	"      if ($http_metadata != \"true\") { return 400; }\n"
	"      proxy_pass http://signer;\n"
	"      proxy_http_version 1.1;\n"
	"      proxy_set_header Connection \"\";\n"
	"      proxy_set_header X-VM $remote_addr;\n"
	"    }\n"
	"  }\n"
	"}\n";

static void write_config(const char *folder)
{
	char path[300], body[601];
	FILE *f;

	memset(body, 'x', sizeof(body) - 1);
	memcpy(body, "{\"apiVersions\":[", 16);
	body[sizeof(body) - 1] = '\0';
	snprintf(path, sizeof(path), "%s/nginx.conf", folder);
	f = fopen(path, "w");
	if (!f || fprintf(f, config, folder, body) < 0 || fclose(f))
		bench_die("%s: %s", path, strerror(errno));
}

static void wait_for(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timespec pause = { 0, 20000000 };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	for (unsigned int i = 0; i < 1000; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool there = !connect(fd, (void *)&addr, sizeof(addr));

		close(fd);
		if (there)
			return;
		nanosleep(&pause, NULL);
	}
	bench_die("%s: nobody listens", path);
}

void nginx_start(const char *tests, const char *folder)
{
	char program[4096], path[100];

	snprintf(program, sizeof(program), "%s/bench-rest-signer", tests);
	snprintf(path, sizeof(path), "%s/" SIGNER_SOCKET, folder);
	if (!servers_fork()) {
		execl(program, "bench-rest-signer", path, NULL);
		_exit(1);
	}
	wait_for(path);
	write_config(folder);
	if (!servers_fork()) {
		snprintf(path, sizeof(path), "%s/nginx.conf", folder);
		execlp("nginx", "nginx", "-e", "stderr", "-p", folder, "-c", path, NULL);
		perror("bench: nginx");
		_exit(1);
	}
	door_wait_port();
}
