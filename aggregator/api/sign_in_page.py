"""What a browser shows that signs in: pages that need no script, in both languages at once, for nobody is known yet."""

from collections.abc import Sequence
from html import escape

from starlette.responses import HTMLResponse

PAGE = "/sign-in"
CODE_PAGE, FIRST_PAGE, OUT_PAGE = f"{PAGE}/code", f"{PAGE}/first", f"{PAGE}/out"
PROVIDER_PAGE = f"{PAGE}/provider"
PROVIDER_BACK_PAGE = f"{PROVIDER_PAGE}/back"

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;background:#101418;color:#e8eaed;display:grid;place-items:center;
min-height:100vh;margin:0}form,section{width:min(24rem,90vw)}input,button,.button{font:inherit;width:100%;
box-sizing:border-box;padding:.6rem;margin:.3rem 0 .8rem;border-radius:.3rem;border:1px solid #5f6b76;
background:#1b2127;color:inherit}button,.button{background:#2d6cdf;border:0;cursor:pointer;display:block;text-align:center;
text-decoration:none}.other{background:#3a444e}p[role=alert]{color:#ff8a80;min-height:1.5em}img{display:block;width:14rem;
margin:0 auto 1rem}code{font:15px/1.7 ui-monospace,monospace;overflow-wrap:anywhere}ul{columns:2;padding-left:1.2rem}"""
_FIRST = """<p>还没有帐号。用首个令牌建第一个管理员帐号。<br>
There are no accounts yet: make the first administrator's.</p>
<label for="token">首个令牌 · first token (data_dir/secrets)</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>"""
_NAME = """<label for="name">{label}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" required {focus}>
<label for="password">密码 · password</label>
<input id="password" name="password" type="password" autocomplete="{which}" required>"""
_CODE = """<input type="hidden" name="begun" value="{begun}">
<label for="code">{label}</label>
<input id="code" name="code" autocomplete="one-time-code" autocapitalize="none" required autofocus>"""
_PHONE = """<p>你的角色需要两步登录。用手机上的身份验证器扫描图片，再输入它显示的六位数字。<br>
Your role needs a second step: scan the picture with an authenticator on your phone, and type the six digits that
it shows.</p>
<img src="{drawn}" alt="QR"><p>扫不了就手工输入 · or type it: <code>{secret}</code></p>"""


def sign_in_page(
    complaint: str, status: int = 200, headers: dict[str, str] | None = None, *, first: bool = False, provider: str = ""
) -> HTMLResponse:
    """Where a name and a password are asked for, with what was wrong.

    Args:
        first: for the first account.
        provider: what people call the provider of identities; empty: there is none.
    """
    fields = (_FIRST if first else "") + _NAME.format(
        label="新帐号：小写字母、数字、连字符 · new name: a-z, 0-9, -" if first else "帐号 · name",
        focus="" if first else "autofocus",
        which="new-password" if first else "current-password",
    )
    action, button = (FIRST_PAGE, "建立帐号 · make account") if first else (PAGE, "登录 · sign in")
    other = f'<a class="button other" href="{PROVIDER_PAGE}">{escape(provider)}</a>' if provider and not first else ""
    return _page(_form(action, fields, button, complaint) + other, status, headers)


def code_page(begun: str, complaint: str, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Where the code of the second step is asked for.

    Args:
        begun: sealed: that the first step has been made, and by whom.
    """
    fields = _CODE.format(
        begun=escape(begun), label="手机上的六位数字，或恢复码 · six digits of your phone, or a recovery code"
    )
    return _page(_form(CODE_PAGE, fields, "登录 · sign in", complaint), status, headers)


def set_up_page(
    begun: str, drawn: str, secret: str, complaint: str, status: int = 200, headers: dict[str, str] | None = None
) -> HTMLResponse:
    """Where a second step is set up that a role needs.

    Args:
        drawn: QR code for the phone, as a `data:` address.
        secret: the same as text.
    """
    fields = _PHONE.format(drawn=escape(drawn), secret=escape(secret)) + _CODE.format(
        begun=escape(begun), label="六位数字 · six digits"
    )
    return _page(_form(CODE_PAGE, fields, "登录 · sign in", complaint), status, headers)


def recovery_codes_page(codes: Sequence[str]) -> HTMLResponse:
    """Recovery codes, this once; who sees them is in."""
    shown = "".join(f"<li><code>{escape(code)}</code></li>" for code in codes)
    return _page(
        f"""<section><h1>恢复码 · recovery codes</h1><p>抄下来放好。手机不在时，每个可用一次；只显示这一次。<br>
Write them down. Without your phone each counts once. They are not shown again.</p><ul>{shown}</ul>
<a class="button" href="/">已抄好 · I have them</a></section>"""
    )


def go_on_page() -> HTMLResponse:
    """Goes on to the console. A redirect from elsewhere would bring no cookie that is for this site only."""
    return _page(
        '<meta http-equiv="refresh" content="0; url=/"><section><a class="button" href="/">鹰线 Hawkline</a></section>'
    )


def _form(action: str, fields: str, button: str, complaint: str) -> str:
    return f"""<form method="post" action="{action}"><h1>鹰线 Hawkline</h1>{fields}
<button>{button}</button><p role="alert">{escape(complaint)}</p></form>"""


def _page(body: str, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(
        f"""<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>鹰线 Hawkline</title><style>{_STYLE}</style><div>{body}</div></html>""",
        status,
        {
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
            "form-action 'self'; frame-ancestors 'none'",
            "referrer-policy": "same-origin",  # without a referrer a browser hides the form's origin, too
            **(headers or {}),
        },
    )
