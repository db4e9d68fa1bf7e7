from django.urls import path

from kunyu.engines.security import pages

urlpatterns = [path("login", pages.sign_in, name="login"), path("logout", pages.sign_out, name="logout")]
