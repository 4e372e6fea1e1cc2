#!/bin/sh
# Starts the broker of compose.yaml: puts the secrets into its properties, formats an empty log folder, and becomes Kafka.
# Reads kafka.properties beside it; KAFKA_HOME, SECRETS and CONFIG are other places only in tests.
set -eu
umask 077
home=${KAFKA_HOME:-/opt/kafka} secrets=${SECRETS:-/run/secrets} config=${CONFIG:-/run/kafka}
password=$(cat "$secrets/krypton.password") controller=$(cat "$secrets/kafka_controller_password")
case "$password$controller" in
*[!A-Za-z0-9_-]*) echo "kafka passwords may hold A-Z, a-z, 0-9, _ and - alone: make them with openssl rand -hex 24" >&2; exit 1 ;;
esac
mkdir -p "$config"
sed -e "s|@PASSWORD@|$password|g" -e "s|@CONTROLLER_PASSWORD@|$controller|g" \
    -e "s|@HOST@|${SUBSCRIBERS_HOST:-localhost}|g" "$(dirname "$0")/kafka.properties" >"$config/server.properties"
# What the health check logs in with.
cat >"$config/client.properties" <<END
security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="krypton" password="$password";
END
# From a file, for a command line can be read by all. A folder that is formatted already stays as it is.
printf '%s\n' --add-scram "SCRAM-SHA-512=[name=krypton,password=$password]" >"$config/logins"
"$home/bin/kafka-storage.sh" format --standalone --ignore-formatted --cluster-id "$CLUSTER_ID" \
    --config "$config/server.properties" "@$config/logins"
rm "$config/logins"
exec "$home/bin/kafka-server-start.sh" "$config/server.properties"
