"""An RTSP camera on loopback. Runs under the system's Python, which has GStreamer's bindings.

    python3 rtsp_server.py PORT h264|h265 [USER PASSWORD]

Prints `ready` when it listens. On the line `stall` it goes on answering but sends no more frames; on `go` it resumes.
"""

import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

ENCODERS = {
    codec: f"{encoder} tune=zerolatency speed-preset=ultrafast key-int-max=10 ! {pay} name=pay0 pt=96 config-interval=1"
    for codec, encoder, pay in (("h264", "x264enc", "rtph264pay"), ("h265", "x265enc", "rtph265pay"))
}


def source(width: int, height: int) -> str:
    return (
        f"videotestsrc is-live=true pattern=ball motion=sweep animation-mode=running-time ! "
        f"video/x-raw,format=I420,width={width},height={height},framerate=10/1 ! valve name=valve"
    )


def main() -> None:
    port, codec = sys.argv[1], sys.argv[2]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    valves = []
    for path, size in (("/small", (320, 240)), ("/large", (1280, 720))):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {source(*size)} ! {ENCODERS[codec]} )")
        factory.set_shared(True)
        factory.connect("media-configure", lambda _f, media: valves.append(media.get_element().get_by_name("valve")))
        if len(sys.argv) > 4:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("viewer", "media.factory.access", True)
            permissions.add_permission_for_role("viewer", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(path, factory)
    if len(sys.argv) > 4:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(sys.argv[3], sys.argv[4]), token)
        server.set_auth(auth)
    server.attach(None)
    loop = GLib.MainLoop()

    def obey() -> None:
        for line in sys.stdin:
            for valve in valves:
                valve.set_property("drop", line.strip() == "stall")
        loop.quit()

    threading.Thread(target=obey, daemon=True).start()
    print("ready", flush=True)
    loop.run()


main()
