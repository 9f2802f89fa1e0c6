#!/usr/bin/env bash
# Makes the image of a lab host from Debian's packages: a minimal Debian that boots systemd and serves SSH.
# build-image.sh RELEASE TAG FOLDER
set -euo pipefail
release=$1 tag=$2 folder=$3

# Several labs may be built at once: the first builds the image, the others wait for it.
exec 9> "/run/lock/evenfloor-image-$release"
flock 9
if podman image exists "$tag"; then exit 0; fi

# The mirror that this machine uses; without one debootstrap takes its own default.
mirror=$({ grep -hsE '^(URIs:|deb )' /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
  /etc/apt/sources.list.d/*.list || true; } | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ')

# A debootstrap that was killed leaves /proc and /sys of this machine mounted in its tree: nothing may be
# removed below them.
remove_tree() {
  while read -r mounted; do umount "$mounted"; done < <(
    awk -v tree="$tree/" 'index($2, tree) == 1 {print $2}' /proc/mounts | sort -r)
  rm -rf --one-file-system "$tree"
}

# What a run that was cut off has left is of no use.
mkdir -p "$folder"
folder=$(realpath "$folder") tree="$folder/$release"
remove_tree
mkdir -p "$tree"
trap remove_tree EXIT

debootstrap --variant=minbase \
  --include=systemd,systemd-sysv,dbus,python3,python3-apt,iproute2,procps,ca-certificates,openssh-server \
  "$release" "$tree" ${mirror:+"$mirror"}

# What the machine had to say about its mirror holds for the host too.
apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy)' \
  > "$tree/etc/apt/apt.conf.d/80machine" || true
echo 'APT::Install-Recommends "false";' > "$tree/etc/apt/apt.conf.d/80lab"
# A lab host that loses power is made again: no need to wait for the disk at each file.
cat > "$tree/etc/dpkg/dpkg.cfg.d/lab" <<EOF
force-unsafe-io
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
EOF

# What Python compiles of Ansible's modules is kept: compiled_modules.py says why.
for packages in "$tree"/usr/lib/python3.*/; do
  packages="$tree/usr/local/lib/$(basename "$packages")/dist-packages"
  mkdir -p -m 0755 "$packages/compiled_modules.cache"
  cp "$(dirname "$0")/compiled_modules.py" "$packages/"
  echo 'import compiled_modules' > "$packages/compiled_modules.pth"
done

# Keys alone, and each host its own: none is in the image.
rm -f "$tree"/etc/ssh/ssh_host_*
cat > "$tree/etc/ssh/sshd_config.d/lab.conf" <<EOF
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
EOF
cat > "$tree/etc/systemd/system/lab-ssh-keys.service" <<EOF
[Unit]
Description=Make this host's SSH keys
Before=ssh.service
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
[Install]
WantedBy=multi-user.target
EOF
mkdir -p -m 0700 "$tree/root/.ssh"
chroot "$tree" systemctl enable --quiet lab-ssh-keys.service
chroot "$tree" systemctl mask --quiet systemd-logind.service apt-daily.timer apt-daily-upgrade.timer
rm -rf "$tree"/var/cache/apt/archives/*.deb

tar -C "$tree" -c . | podman import --quiet - "$tag"
