# A RabbitMQ node that shares nothing with any other: its data, its cookie and the port mapper of its Erlang are its
# own, and everything listens on loopback only. Stays in the foreground, and becomes the server.
#
#   sh rabbitmq.sh PROGRAM FOLDER PORT DISTRIBUTION_PORT MAPPER_PORT
set -eu
program=$1 folder=$2 port=$3 distribution=$4 mapper=$5
cd "$folder"

cat > rabbitmq.conf <<END
listeners.tcp.1 = 127.0.0.1:$port
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = info
log.file = false
END
: > plugins
: > environment

export HOME="$folder"
export RABBITMQ_CONF_ENV_FILE="$folder/environment"
export RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf"
export RABBITMQ_ENABLED_PLUGINS_FILE="$folder/plugins"
export RABBITMQ_MNESIA_BASE="$folder/data"
export RABBITMQ_LOG_BASE="$folder/log"
export RABBITMQ_NODENAME=tracewire@localhost
export RABBITMQ_DIST_PORT="$distribution"
# Two schedulers that sleep while there is nothing to do.
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
export ERL_EPMD_PORT="$mapper" ERL_EPMD_ADDRESS=127.0.0.1
export ERL_FLAGS='-start_epmd false'

# The kernel ends the port mapper with the server, however that ends. Erlang would leave it running for ever.
setpriv --pdeathsig KILL epmd -port "$mapper" -address 127.0.0.1 &
# The server gives up at once if it is not there yet.
tries=0
until epmd -port "$mapper" -names > names 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { cat names; exit 1; }
    sleep 0.05
done
# The start script too would stay, as a parent that hands on signals, if it did not take this for a supervised start.
export RUNNING_UNDER_SYSTEMD=true
exec "$program"
