"""Names of acts, results and kinds of objects for people. 审计用语. What is not listed is shown as recorded."""

from __future__ import annotations

from kunyu.engines.pages.words import Pair

ACTIONS: dict[str, Pair] = {
    "accept-invitation": ("接受邀请", "Accept invitation"),
    "appoint": ("任职", "Appoint"),
    "appoint-administrator": ("任命管理员", "Appoint administrator"),
    "approve-labels": ("批准标记", "Approve labels"),
    "bind-certificate": ("绑定证书", "Bind certificate"),
    "change-password": ("修改口令", "Change password"),
    "change-profile": ("修改资料", "Change profile"),
    "change-role": ("修改角色", "Change role"),
    "confirm-exception": ("确认例外", "Confirm exception"),
    "create": ("新建", "Create"),
    "create-role": ("新建角色", "Create role"),
    "delete-role": ("删除角色", "Delete role"),
    "deliver": ("汇交", "Deliver"),
    "delivery-accepted": ("汇交通过检查", "Delivery accepted"),
    "delivery-checked": ("汇交已检查", "Delivery checked"),
    "delivery-failed": ("汇交失败", "Delivery failed"),
    "delivery-mapped": ("汇交已映射", "Delivery mapped"),
    "delivery-published": ("汇交已发布", "Delivery published"),
    "delivery-rejected": ("汇交已拒绝", "Delivery rejected"),
    "delivery-returned": ("汇交已退回", "Delivery returned"),
    "disable": ("停用", "Disable"),
    "dismiss-administrator": ("免去管理员", "Dismiss administrator"),
    "enable": ("启用", "Enable"),
    "end-appointment": ("离任", "End appointment"),
    "end-session": ("结束会话", "End session"),
    "export": ("导出", "Export"),
    "export-asked": ("申请导出", "Ask for export"),
    "export-fetched": ("下载导出文件", "Fetch exported file"),
    "editing-opened": ("开放在线编辑", "Open editing"),
    "editing-closed": ("关闭在线编辑", "Close editing"),
    "feature-edited": ("编辑要素", "Edit feature"),
    "export-audit": ("导出审计", "Export audit"),
    "files-encrypted": ("加密存储文件", "Encrypt stored files"),
    "grant": ("授权", "Grant"),
    "import-evidence": ("导入举证包", "Import evidence"),
    "import-evidence-tasks": ("导入举证任务", "Import evidence tasks"),
    "invite": ("邀请", "Invite"),
    "issue-reset-code": ("开具密码重置码", "Issue reset code"),
    "issue-reference": ("签发参考包", "Issue reference pack"),
    "issue-token": ("签发令牌", "Issue token"),
    "issue-key": ("签发服务密钥", "Issue key"),
    "change-quota": ("调整配额", "Change quota"),
    "service-apply": ("申请使用服务", "Apply for services"),
    "service-change": ("修改服务", "Change service"),
    "service-decide": ("审批服务申请", "Decide application"),
    "service-publish": ("发布服务", "Publish service"),
    "service-register": ("登记服务", "Register service"),
    "service-suspend": ("暂停服务", "Suspend service"),
    "service-withdraw": ("注销服务", "Withdraw service"),
    "service-withdraw-application": ("撤回服务申请", "Withdraw application"),
    "suspend-key": ("暂停密钥", "Suspend key"),
    "licence-prepared": ("证照编号", "Number licence"),
    "licence-issued": ("发证", "Issue licence"),
    "licence-suspended": ("挂起证照", "Suspend licence"),
    "licence-resumed": ("恢复证照", "Resume licence"),
    "licence-expired": ("证照到期", "Licence expired"),
    "licence-replaced": ("换发证照", "Replace licence"),
    "licence-corrected": ("更正证照", "Correct licence"),
    "licence-revoked": ("撤销证照", "Revoke licence"),
    "document-made": ("生成文书", "Make document"),
    "document-read": ("下载文书", "Fetch document"),
    "archive-made": ("归档", "Archive"),
    "party-entered": ("登记相对人", "Enter party"),
    "party-renamed": ("相对人更名", "Rename party"),
    "party-merged": ("合并相对人", "Merge parties"),
    "project-entered": ("登记项目", "Enter project"),
    "approval-entered": ("登记批准文件", "Enter approval"),
    "approval-mapped": ("批准地块上图", "Put approval on the map"),
    "approval-unmapped": ("批准地块下图", "End approval on the map"),
    "seal-made": ("制作印章", "Make seal"),
    "seal-approved": ("启用印章", "Approve seal"),
    "seal-suspended": ("停用印章", "Suspend seal"),
    "seal-resumed": ("恢复印章", "Resume seal"),
    "seal-destroyed": ("销毁印章", "Destroy seal"),
    "seal-used": ("用印", "Use seal"),
    "pyramids-rebuild": ("重建瓦片金字塔", "Rebuild tile pyramids"),
    "resume-key": ("恢复密钥", "Resume key"),
    "leave-post": ("离岗", "Leave post"),
    "propose-exception": ("提出例外", "Propose exception"),
    "propose-label": ("拟定标记", "Propose label"),
    "propose-record-label": ("拟定记录标记", "Propose record label"),
    "read": ("读取标记数据", "Read labelled data"),
    "read-audit": ("查阅审计", "Read audit"),
    "read-photo": ("查看举证照片", "See evidence photo"),
    "refuse-exception": ("不予确认例外", "Refuse exception"),
    "register-dataset": ("登记数据集", "Register dataset"),
    "register-device": ("登记设备", "Register device"),
    "report-audit": ("出具审计月报", "Make audit report"),
    "reset-password": ("重置口令", "Reset password"),
    "revoke": ("撤销授权", "Revoke"),
    "revoke-device": ("注销设备", "Revoke device"),
    "revoke-token": ("撤销令牌", "Revoke token"),
    "set-clearance": ("设定涉密等级", "Set clearance"),
    "sign-in": ("登录", "Sign in"),
    "sign-out": ("退出", "Sign out"),
    "unlock": ("解锁", "Unlock"),
    "verification-done": ("印证完成", "Verification done"),
    "verification-failed": ("印证失败", "Verification failed"),
    "analysis-queued": ("提交分析作业", "Queue analysis"),
    "analysis-dismissed": ("撤销分析作业", "Dismiss analysis"),
    "verification-started": ("开始印证", "Start verification"),
    "verify-audit": ("校验审计", "Verify audit"),
    "withdraw-exception": ("撤回例外", "Withdraw exception"),
}
RESULTS: dict[str, Pair] = {"done": ("完成", "done"), "refused": ("拒绝", "refused"), "failed": ("失败", "failed")}
DUTIES: dict[str, Pair] = {
    "system": ("系统管理员", "system administrator"),
    "security": ("安全管理员", "security administrator"),
    "audit": ("审计管理员", "audit administrator"),
}


def action(code: str) -> Pair:
    """Words for an act."""
    return ACTIONS.get(code, (code, code))


def result(code: str) -> Pair:
    """Words for a result."""
    return RESULTS.get(code, (code, code))


def duty(code: str) -> Pair:
    """Words for an administrator's duty."""
    return DUTIES.get(code, (code, code))
